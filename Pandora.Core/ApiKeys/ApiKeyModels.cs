using System.Text.Json.Serialization;
using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.ApiKeys;

/// <summary>A key of an environment; the text of the key shows masked.</summary>
/// <param name="LastUsed">Null: never.</param>
/// <param name="ExpiresAt">Null: never.</param>
public record ApiKey(
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

/// <inheritdoc cref="ApiKey"/>
public sealed record NewApiKey : ApiKey
{
    internal NewApiKey(ApiKeyRow row, string secret)
        : base(Of(row)) => Secret = secret;

    /// <summary>The whole text of the key; shown here and by reveal only.</summary>
    [JsonPropertyOrder(1)]
    public string Secret { get; }
}

/// <param name="Key">The whole text of the key.</param>
public sealed record RevealedKey(string Key);

/// <param name="ExpiresAt">Later than now. Null: never.</param>
internal sealed record ApiKeyCreate(RecordId EnvironmentId, DateTimeOffset? ExpiresAt) : IReadFromFields<ApiKeyCreate>
{
    public static string Entity => "APIKeyCreate";

    public static ApiKeyCreate Read(Fields fields) => new(fields.Id("environment_id"), ApiKeyUpdate.Read(fields).ExpiresAt);
}

/// <param name="SetsExpiry">False: it stays as it is.</param>
/// <param name="ExpiresAt">Later than now. Null: never.</param>
internal sealed record ApiKeyUpdate(bool SetsExpiry, DateTimeOffset? ExpiresAt) : IReadFromFields<ApiKeyUpdate>
{
    private const string ExpiryField = "expires_at";

    public static string Entity => "APIKeyUpdate";

    public static ApiKeyUpdate Read(Fields fields) =>
        new(fields.Has(ExpiryField), fields.LaterThanNow(ExpiryField, fields.NullableInstant(ExpiryField)));
}
