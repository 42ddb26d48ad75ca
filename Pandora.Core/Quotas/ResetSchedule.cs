using Pandora.Core.Persistence;

namespace Pandora.Core.Quotas;

/// <summary>When the quota of a service on a project is filled up again.</summary>
/// <param name="LastReset">
/// The instant of the last reset, in UTC, at first that of the assignment. Who has counted only before it is full.
/// </param>
/// <param name="NextReset">The instant of the next reset, in UTC.</param>
/// <param name="AnchorDay">
/// Day of the month, 1..31, that a monthly schedule falls on; a shorter month uses its last day and the next one returns
/// to the anchor.
/// </param>
internal readonly record struct ResetSchedule(
    ResetFrequency Frequency, DateTimeOffset LastReset, DateTimeOffset NextReset, int AnchorDay)
{
    /// <summary>
    /// How far ahead a stored instant of the past may lie and still be believed: clocks differ. Beyond it, a clock was wrong.
    /// </summary>
    private static readonly TimeSpan LongestLead = TimeSpan.FromDays(1);

    /// <summary>A schedule that begins on the day of <paramref name="now"/>: the first reset is at 00:00 UTC, one step later.</summary>
    public static ResetSchedule Start(ResetFrequency frequency, DateTimeOffset now)
    {
        var today = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero);
        var started = new ResetSchedule(frequency, now, today, today.Day);
        return started with { NextReset = started.After(1) };
    }

    /// <summary>Begins anew on the day of <paramref name="now"/>. That is no reset.</summary>
    public ResetSchedule Restart(ResetFrequency frequency, DateTimeOffset now) =>
        Start(frequency, now) with { LastReset = LastReset };

    /// <summary>Goes on from a next reset that an administrator chose.</summary>
    public ResetSchedule MoveTo(ResetFrequency frequency, DateTimeOffset nextReset) =>
        new(frequency, LastReset, nextReset, nextReset.UtcDateTime.Day);

    /// <summary>
    /// A reset out of turn. It is later than any that was counted from, also where a clock was a little ahead; what cannot be
    /// believed is not looked at.
    /// </summary>
    /// <param name="countedSince">The latest reset that a counter follows. Null: there is no counter.</param>
    public ResetSchedule ResetAt(DateTimeOffset now, DateTimeOffset? countedSince)
    {
        var latest = IsBelievable(LastReset, now) ? LastReset : DateTimeOffset.UnixEpoch;
        if (countedSince > latest && IsBelievable(countedSince.Value, now))
        {
            latest = countedSince.Value;
        }
        var earliest = latest.AddMicroseconds(1);
        return this with { LastReset = now > earliest ? now : earliest };
    }

    /// <summary>Whether a counter that follows the reset at <paramref name="countedSince"/> has yet to follow the last one.</summary>
    public bool IsBehind(DateTimeOffset countedSince, DateTimeOffset now) =>
        countedSince < LastReset || !IsBelievable(countedSince, now);

    public bool IsDue(DateTimeOffset now) => NextReset <= now;

    /// <summary>
    /// This schedule if it is not due; else with its last reset up to <paramref name="now"/> and its first one after,
    /// counted from <see cref="NextReset"/>: missed periods are skipped and the time of day stays. A last reset that cannot
    /// be believed counts as none.
    /// </summary>
    public ResetSchedule Advance(DateTimeOffset now)
    {
        if (!IsDue(now))
        {
            return IsBelievable(LastReset, now) ? this : this with { LastReset = DateTimeOffset.UnixEpoch };
        }
        var steps = Frequency == ResetFrequency.Monthly
            ? MonthsBetween(NextReset, now)
            : (int)((now - NextReset).Ticks / StepOf(Frequency).Ticks);
        if (After(steps) > now)
        {
            steps--; // the last month is not over
        }
        return this with { LastReset = After(steps), NextReset = After(steps + 1) };
    }

    private static bool IsBelievable(DateTimeOffset past, DateTimeOffset now) => past <= now + LongestLead;

    private DateTimeOffset After(int steps)
    {
        if (Frequency != ResetFrequency.Monthly)
        {
            return NextReset + (StepOf(Frequency) * steps);
        }
        var month = new DateTime(NextReset.Year, NextReset.Month, 1, 0, 0, 0, DateTimeKind.Utc).AddMonths(steps);
        var day = Math.Min(AnchorDay, DateTime.DaysInMonth(month.Year, month.Month));
        return new DateTimeOffset(month.AddDays(day - 1) + NextReset.TimeOfDay, TimeSpan.Zero);
    }

    private static int MonthsBetween(DateTimeOffset from, DateTimeOffset to) =>
        ((to.Year - from.Year) * 12) + to.Month - from.Month;

    private static TimeSpan StepOf(ResetFrequency frequency) => frequency switch
    {
        ResetFrequency.Daily => TimeSpan.FromDays(1),
        ResetFrequency.Weekly => TimeSpan.FromDays(7),
        ResetFrequency.Biweekly => TimeSpan.FromDays(14),
        _ => throw new ArgumentOutOfRangeException(nameof(frequency), frequency, "Months differ in length."),
    };
}
