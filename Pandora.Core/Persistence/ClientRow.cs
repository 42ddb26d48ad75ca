namespace Pandora.Core.Persistence;

public enum ClientType
{
    Developer,
    Organization,
}

internal sealed class ClientRow : IListedRow
{
    public int Id { get; set; }
    public ClientType Type { get; set; }
    public required string Name { get; set; }
    public required string Email { get; set; }

    /// <summary>The e-mail in lower case; unique.</summary>
    public required string EmailFolded { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}
