namespace Pandora.Core.Persistence;

/// <summary>That somebody asked to see a key, and what became of it.</summary>
internal sealed class RevealAuditRow
{
    public Guid Id { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public required string Username { get; set; }
    public required string TokenId { get; set; }

    /// <summary>Null: what was asked for cannot be the id of a key.</summary>
    public int? ApiKeyId { get; set; }
    public required string PeerAddress { get; set; }

    /// <summary>granted, forbidden, not_found, undecryptable or invalid_id.</summary>
    public required string Outcome { get; set; }
}
