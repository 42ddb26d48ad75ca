namespace Pandora.Core.Persistence.Partitions;

/// <summary>A span of time whose log rows lie in one partition.</summary>
/// <param name="From">Included.</param>
/// <param name="To">Not included.</param>
internal readonly record struct PartitionRange(DateTimeOffset From, DateTimeOffset To)
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    /// <summary>Whether rows of more than one day lie in it.</summary>
    public bool IsWide => To - From > Day;
}

/// <summary>
/// Which partitions the request log should have. It is partitioned by id, and ids begin with the time of recording: by
/// day if rows are removed after some weeks, so that whole partitions can go, else by month. Days for long times would be
/// too many: a list locks every partition with its indexes, and the server's room for locks is small.
/// </summary>
internal static class RequestPartitions
{
    /// <summary>With a longer retention time partitions are months, and the oldest one is emptied day by day.</summary>
    private const int LongestRetentionByDay = 62;

    private const int DaysAhead = 7;
    private const int MonthsAhead = 2;

    /// <summary>Whether partitions are days, else months.</summary>
    /// <param name="retentionDays">0: rows are never removed.</param>
    public static bool AreDays(int retentionDays) => retentionDays is > 0 and <= LongestRetentionByDay;

    /// <summary>The first span from <paramref name="start"/> on that no partition covers. Null: all that is needed is there.</summary>
    /// <param name="start">The first moment of a day.</param>
    /// <param name="byDay">False: by month.</param>
    public static PartitionRange? FirstMissing(
        IReadOnlyList<PartitionRange> existing, DateTimeOffset now, DateTimeOffset start, bool byDay)
    {
        var today = StartOfDay(now);
        var end = byDay ? today.AddDays(1 + DaysAhead) : StartOfMonth(today).AddMonths(1 + MonthsAhead);
        var at = start;
        while (at < end)
        {
            if (existing.FirstOrDefault(range => range.From <= at && at < range.To) is { To: var to } && to > at)
            {
                at = to;
                continue;
            }
            var periodEnd = byDay ? at.AddDays(1) : StartOfMonth(at).AddMonths(1);
            var next = existing.Where(range => range.From > at).Select(range => range.From).DefaultIfEmpty(periodEnd).Min();
            return new PartitionRange(at, next < periodEnd ? next : periodEnd);
        }
        return null;
    }

    /// <summary>The end of the spans that follow each other without a gap from now on. Null: none covers now.</summary>
    public static DateTimeOffset? CoveredUntil(IReadOnlyList<PartitionRange> existing, DateTimeOffset now)
    {
        DateTimeOffset? until = null;
        foreach (var range in existing.OrderBy(range => range.From))
        {
            if (range.From <= (until ?? now) && range.To > (until ?? now))
            {
                until = range.To;
            }
        }
        return until;
    }

    public static DateTimeOffset StartOfDay(DateTimeOffset instant) => new(instant.UtcDateTime.Date, TimeSpan.Zero);

    private static DateTimeOffset StartOfMonth(DateTimeOffset instant) => new(instant.Year, instant.Month, 1, 0, 0, 0, TimeSpan.Zero);
}
