using Pandora.Core.Gate;
using Pandora.Core.Quotas;

namespace Pandora.Core.Persistence;

/// <summary>A record that lists show newest first.</summary>
internal interface IListedRow
{
    int Id { get; }

    DateTimeOffset CreatedAt { get; }
}

public enum ServiceStatus
{
    Enabled,
    Disabled,
    Deprecated,
}

public enum ClientType
{
    Developer,
    Organization,
}

/// <summary>Status of projects, environments and API keys.</summary>
public enum SwitchStatus
{
    Enabled,
    Disabled,
}

internal sealed class ServiceRow : IListedRow
{
    public int Id { get; set; }
    public required string Name { get; set; }
    public required string Version { get; set; }
    public ServiceStatus Status { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
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

internal sealed class ProjectRow : IListedRow
{
    public int Id { get; set; }
    public int ClientId { get; set; }
    public required string Name { get; set; }
    public SwitchStatus Status { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public List<ProjectServiceRow> Services { get; } = [];
}

internal sealed class EnvironmentRow : IListedRow
{
    public int Id { get; set; }
    public int ProjectId { get; set; }
    public required string Name { get; set; }
    public SwitchStatus Status { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public ProjectRow? Project { get; set; }
    public List<EnvironmentServiceRow> Services { get; } = [];
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

    /// <summary>As stored: resets that came due since then are not in it; see <see cref="ScheduleAt"/>.</summary>
    public ResetSchedule Schedule
    {
        get => new(ResetFrequency, LastReset, NextReset, AnchorDay);
        set => (ResetFrequency, LastReset, NextReset, AnchorDay) =
            (value.Frequency, value.LastReset, value.NextReset, (short)value.AnchorDay);
    }

    /// <summary>The schedule as it is at <paramref name="now"/>.</summary>
    public ResetSchedule ScheduleAt(DateTimeOffset now) => Schedule.Advance(now);
}

/// <summary>A service on an environment, with the counter that checks take from.</summary>
internal sealed class EnvironmentServiceRow
{
    public int EnvironmentId { get; set; }
    public int ServiceId { get; set; }
    public int ProjectId { get; set; }

    /// <summary>-1 is unlimited.</summary>
    public long MaxRequests { get; set; }

    /// <summary>Names the counter in the request log.</summary>
    public int Id { get; set; }

    /// <summary>Units ever granted. Unlimited: as they were before.</summary>
    public long GrantedUnits { get; set; }

    /// <summary>Units ever taken and not given back: the sum of the units in the request log.</summary>
    public long ConsumedUnits { get; set; }

    /// <summary>The reset that the numbers follow; earlier than the last one, the counter is full.</summary>
    public DateTimeOffset CountedSince { get; set; }

    /// <summary>No reservation that has its row ends earlier. Null: none has one.</summary>
    public DateTimeOffset? FirstExpiry { get; set; }
    public DateTimeOffset AssignedAt { get; set; }
    public EnvironmentRow? Environment { get; set; }
    public ProjectServiceRow? ProjectService { get; set; }

    /// <summary>Units of reservations that have ended and still have their rows. No column: <see cref="Counters"/> finds it.</summary>
    public long EndedUnits { get; set; }

    /// <summary>As the books have it, without what time has done to it; see <see cref="QuotaAt"/> and <see cref="Settle"/>.</summary>
    public Quota Quota
    {
        get => new(MaxRequests, MaxRequests == Quota.Unlimited ? Quota.Unlimited : GrantedUnits - ConsumedUnits);
        set
        {
            MaxRequests = value.Max;
            if (value.Max != Quota.Unlimited)
            {
                GrantedUnits = ConsumedUnits + value.Available;
            }
        }
    }

    /// <summary>
    /// The quota as it is at <paramref name="now"/>: with the resets of its project service, and with what came back from
    /// reservations if <see cref="EndedUnits"/> is known.
    /// </summary>
    public Quota QuotaAt(DateTimeOffset now) =>
        CountedSince < ProjectService!.ScheduleAt(now).LastReset ? Quota.Full(MaxRequests) : Quota.GiveBack(EndedUnits);

    /// <summary>Writes down what time has done until <paramref name="now"/>; the rows of what has ended must be gone.</summary>
    public void Settle(DateTimeOffset now)
    {
        var quota = QuotaAt(now);
        (ConsumedUnits, EndedUnits) = (ConsumedUnits - EndedUnits, 0);
        Quota = quota;
        // A node with a faster clock may have seen a later reset.
        var lastReset = ProjectService!.ScheduleAt(now).LastReset;
        CountedSince = lastReset > CountedSince ? lastReset : CountedSince;
    }
}

/// <summary>Units taken from a counter until they are confirmed or given back.</summary>
internal sealed class ReservationRow
{
    public Guid Id { get; set; }

    /// <summary><see cref="EnvironmentServiceRow.Id"/>.</summary>
    public int CounterId { get; set; }

    /// <summary>0 when the counter was unlimited.</summary>
    public long Units { get; set; }

    /// <summary>From here on it no longer exists, whether or not the row does.</summary>
    public DateTimeOffset ExpiresAt { get; set; }
}

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

/// <summary>A row of the request log.</summary>
internal sealed class RequestRow
{
    private const short Refused = 10;

    /// <summary>Tells the time of recording; see <see cref="RequestId"/>.</summary>
    public Guid Id { get; set; }
    public DateTimeOffset RequestTime { get; set; }

    /// <summary>0: unknown key; then <see cref="KeyMask"/> tells what was presented.</summary>
    public int LoggedKeyId { get; set; }

    /// <summary>0: unknown service; then <see cref="ServiceName"/> and <see cref="ServiceVersion"/> tell what was presented.</summary>
    public int LoggedServiceId { get; set; }

    /// <summary>The status, or 10 and the reason of a refusal.</summary>
    public short Outcome { get; set; }

    /// <summary>0 while the outcome is not reported.</summary>
    public short StatusCode { get; set; }

    /// <summary>See <see cref="LoggedMethod"/>, for the name beside it as well.</summary>
    public short Method { get; set; }
    public required string MethodName { get; set; }
    public required string Path { get; set; }
    public required string IpAddress { get; set; }
    public required string KeyMask { get; set; }
    public required string ServiceName { get; set; }
    public required string ServiceVersion { get; set; }
    public required string Detail { get; set; }
    public required string MetadataBody { get; set; }
    public required string MetadataCookies { get; set; }
    public required string MetadataHeaders { get; set; }
    public required string MetadataQueryParams { get; set; }
    public required string MetadataContentType { get; set; }

    /// <summary>How <see cref="Outcome"/> says that a check was refused, and why.</summary>
    public static short OutcomeOf(FailureCode reason) => (short)(Refused + reason);

    public static ExecutionStatus StatusOf(short outcome) => outcome > Refused ? ExecutionStatus.Unauthorized : (ExecutionStatus)outcome;

    public static FailureCode ReasonOf(short outcome) => outcome > Refused ? (FailureCode)(outcome - Refused) : FailureCode.None;
}

/// <summary>A known key as it was named at the time of a check. Its ids are those at that time.</summary>
internal sealed class LoggedKeyRow
{
    public int Id { get; set; }
    public int ApiKeyId { get; set; }
    public int EnvironmentId { get; set; }
    public int ProjectId { get; set; }
    public int ClientId { get; set; }
    public required string KeyMask { get; set; }
    public required string EnvironmentName { get; set; }
    public required string ProjectName { get; set; }
    public required string ClientName { get; set; }
}

/// <summary>A known service as it was named at the time of a check.</summary>
internal sealed class LoggedServiceRow
{
    public int Id { get; set; }
    public int ServiceId { get; set; }
    public required string Name { get; set; }
    public required string Version { get; set; }
}
