namespace Pandora.Core.Persistence;

/// <summary>How often a quota is filled up again.</summary>
public enum ResetFrequency
{
    Daily,
    Weekly,
    Biweekly,
    Monthly,
}

/// <summary>A service on a project: how much its environments may get together, and when they are filled up again.</summary>
internal sealed class ProjectServiceRow
{
    public int ProjectId { get; set; }
    public int ServiceId { get; set; }

    /// <summary>-1 is unlimited.</summary>
    public long MaxRequests { get; set; }
    public ResetFrequency ResetFrequency { get; set; }
    public DateTimeOffset LastReset { get; set; }
    public DateTimeOffset NextReset { get; set; }
    public short AnchorDay { get; set; }
    public DateTimeOffset AssignedAt { get; set; }
    public ServiceRow? Service { get; set; }
}
