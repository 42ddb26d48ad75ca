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
internal sealed record ClientCreate(ClientType Type, string Name, string Email) : IReadFromFields<ClientCreate>
{
    public static string Entity => "ClientCreate";

    public static ClientCreate Read(Fields fields) =>
        new(fields.Member<ClientType>("type"), fields.Name("name"), EmailRule.Check(fields, fields.Name("email")));
}

/// <summary>Absent properties stay as they are.</summary>
internal sealed record ClientUpdate(ClientType? Type, string? Name, string? Email) : IReadFromFields<ClientUpdate>
{
    public static string Entity => "ClientUpdate";

    public static ClientUpdate Read(Fields fields) => new(
        fields.OptionalMember<ClientType>("type"),
        fields.OptionalName("name"),
        EmailRule.Check(fields, fields.OptionalName("email")));
}

internal sealed record ClientFilter(ClientType? Type) : IReadFromFields<ClientFilter>
{
    public static string Entity => "ClientFilter";

    public static ClientFilter Read(Fields fields) => new(fields.OptionalMember<ClientType>("type"));
}
