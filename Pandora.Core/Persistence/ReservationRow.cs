namespace Pandora.Core.Persistence;

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
