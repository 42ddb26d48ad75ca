using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.ApiKeys;

/// <summary>A key of an environment; the text of the key shows masked.</summary>
/// <param name="LastUsed">Null: never.</param>
/// <param name="ExpiresAt">Null: never.</param>
public sealed record ApiKey(
    int Id,
    string Key,
    SwitchStatus Status,
    DateTimeOffset? LastUsed,
    DateTimeOffset? ExpiresAt,
    int EnvironmentId,
    DateTimeOffset CreatedAt)
{
    internal static ApiKey Of(ApiKeyRow row) =>
        new(row.Id, row.KeyMask, row.Status, row.LastUsed, row.ExpiresAt, row.EnvironmentId, row.CreatedAt);
}

/// <param name="Secret">The whole text of the key; shown here and by reveal only.</param>
/// <inheritdoc cref="ApiKey"/>
public sealed record NewApiKey(
    int Id,
    string Key,
    SwitchStatus Status,
    DateTimeOffset? LastUsed,
    DateTimeOffset? ExpiresAt,
    int EnvironmentId,
    DateTimeOffset CreatedAt,
    string Secret)
{
    internal static NewApiKey Of(ApiKeyRow row, string secret) =>
        new(row.Id, row.KeyMask, row.Status, row.LastUsed, row.ExpiresAt, row.EnvironmentId, row.CreatedAt, secret);
}

/// <param name="Key">The whole text of the key.</param>
public sealed record RevealedKey(string Key);

/// <param name="ExpiresAt">Later than now. Null: never.</param>
internal sealed record ApiKeyCreate(RecordId EnvironmentId, DateTimeOffset? ExpiresAt) : IReadFromJson<ApiKeyCreate>
{
    public static string Entity => "APIKeyCreate";

    public static ApiKeyCreate Read(JsonFields json) =>
        new(json.Id("environment_id"), Expiry.Read(json).Or(null));
}

/// <param name="ExpiresAt">Absent: as it is. Null: never. Else later than now.</param>
internal sealed record ApiKeyUpdate(Given<DateTimeOffset?> ExpiresAt) : IReadFromJson<ApiKeyUpdate>
{
    public static string Entity => "APIKeyUpdate";

    public static ApiKeyUpdate Read(JsonFields json) => new(Expiry.Read(json));
}

/// <summary>The one rule about the end of a key.</summary>
internal static class Expiry
{
    private const string Field = "expires_at";

    public static Given<DateTimeOffset?> Read(JsonFields json)
    {
        var given = json.NullableInstant(Field);
        if (given.Value is { } instant)
        {
            json.LaterThanNow(Field, instant);
        }
        return given;
    }
}
