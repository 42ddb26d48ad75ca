namespace Pandora.Core.Persistence;

internal sealed class ApiKeyRow : IListedRow
{
    public int Id { get; set; }
    public int EnvironmentId { get; set; }

    /// <summary>32 bytes; finds the key by its text.</summary>
    public required byte[] KeyHash { get; set; }
    public required string KeyMask { get; set; }

    /// <summary>The key text under authenticated encryption, for reveal.</summary>
    public required byte[] KeyCiphertext { get; set; }
    public required string KeyMaterialId { get; set; }
    public SwitchStatus Status { get; set; }

    /// <summary>Null: never.</summary>
    public DateTimeOffset? ExpiresAt { get; set; }

    /// <summary>Null: no valid check yet. At most 60 s older than the newest.</summary>
    public DateTimeOffset? LastUsed { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public EnvironmentRow? Environment { get; set; }
}
