using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.Clients;

/// <summary>Somebody who owns projects.</summary>
public sealed record Client(int Id, ClientType Type, string Name, string Email, DateTimeOffset CreatedAt)
{
    internal static Client Of(ClientRow row) => new(row.Id, row.Type, row.Name, row.Email, row.CreatedAt);
}

/// <param name="Name">1 to 255 characters; unique.</param>
/// <param name="Email">1 to 255 characters; unique whatever the letter case.</param>
internal sealed record ClientCreate(ClientType Type, string Name, string Email) : IReadFromJson<ClientCreate>
{
    public static string Entity => "ClientCreate";

    public static ClientCreate Read(JsonFields json) =>
        new(json.Member<ClientType>("type"), json.Name("name"), EmailRule.Check(json, json.Name("email")));
}

/// <summary>Absent properties stay as they are.</summary>
internal sealed record ClientUpdate(Given<ClientType> Type, Given<string> Name, Given<string> Email) : IReadFromJson<ClientUpdate>
{
    public static string Entity => "ClientUpdate";

    public static ClientUpdate Read(JsonFields json)
    {
        var update = new ClientUpdate(json.OptionalMember<ClientType>("type"), json.OptionalName("name"), json.OptionalName("email"));
        return update.Email.IsGiven ? update with { Email = EmailRule.Check(json, update.Email.Value!) } : update;
    }
}

internal sealed record ClientFilter(ClientType? Type) : IReadFromQuery<ClientFilter>
{
    public static string Entity => "ClientFilter";

    public static ClientFilter Read(QueryFields query) => new(query.Member<ClientType>("type"));
}
