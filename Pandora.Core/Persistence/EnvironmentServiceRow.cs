namespace Pandora.Core.Persistence;

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

    /// <summary>Units ever taken and not given back: the sum of the units in the request log, modulo 2^61.</summary>
    public long ConsumedUnits { get; set; }

    /// <summary>The reset that the numbers follow; earlier than the last one, the counter is full.</summary>
    public DateTimeOffset CountedSince { get; set; }

    /// <summary>No reservation that has its row ends earlier. Null: none has one.</summary>
    public DateTimeOffset? FirstExpiry { get; set; }

    /// <summary>More reservations have ended than were settled so far.</summary>
    public bool IsSettling { get; set; }
    public DateTimeOffset AssignedAt { get; set; }
    public EnvironmentRow? Environment { get; set; }
    public ProjectServiceRow? ProjectService { get; set; }

    /// <summary>Units of reservations that have ended and still have their rows. No column: the room of quotas fills it in.</summary>
    public long EndedUnits { get; set; }
}
