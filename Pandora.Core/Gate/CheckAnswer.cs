namespace Pandora.Core.Gate;

/// <summary>The gate's answer; its log row is committed.</summary>
/// <param name="RequestId">Id of the log row. All zeros: it has none, because there were too many with unknown keys.</param>
/// <param name="Failure"><see cref="FailureCode.None"/> when the key may pass.</param>
/// <param name="Owner">Null when the key is unknown.</param>
/// <param name="AvailableRequests">
/// Units left after a check that takes units, passed or out of quota; -1 when unlimited, 0 in every other case.
/// </param>
/// <param name="ResetAt">When the quota that binds the call is filled up next. Null: no quota does.</param>
/// <param name="Reservation">Null: nothing was reserved.</param>
internal sealed record CheckAnswer(
    Guid RequestId,
    FailureCode Failure,
    KeyOwner? Owner,
    long AvailableRequests,
    DateTimeOffset? ResetAt,
    Reservation? Reservation);

/// <summary>Where a known key belongs.</summary>
internal sealed record KeyOwner(NamedRecord Environment, NamedRecord Project, NamedRecord Client);

/// <summary>A record named in an answer.</summary>
internal readonly record struct NamedRecord(int Id, string Name);

/// <summary>Units held until they are confirmed or given back.</summary>
/// <param name="ExpiresAt">From then on it no longer exists and its units are back.</param>
internal readonly record struct Reservation(Guid Id, DateTimeOffset ExpiresAt);
