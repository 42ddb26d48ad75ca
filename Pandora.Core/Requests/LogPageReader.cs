using Microsoft.EntityFrameworkCore;
using Pandora.Core.Persistence;

namespace Pandora.Core.Requests;

/// <summary>
/// Finds the newest wanted rows of the log without scanning it. In each partition each value of a column has its rows in
/// order of time in an index; a page is merged from the newest ends of these runs:
/// (1) ask each partition for the newest time that it can contribute;
/// (2) take rows from one partition after the other, newest first, until none of those left can contribute;
/// (3) in a partition look at the newest rows of the column with the fewest values: without another filter they are the page;
/// (4) else they tell how often the filters meet: so which column is the cheapest to follow for the rest of the page, and how
/// far back that will be; ranges of time of about that length are read until the page is full.
/// What a page costs depends on how many values are wanted, not on how many rows there are before or after it. Only when
/// two filters hardly ever meet, the rows of the rarer one are read until they do.
/// </summary>
internal sealed class LogPageReader(PandoraDb db, LogFilter wanted)
{
    /// <summary>The partitions are not asked by a column with more values, but by all outcomes, for what they contribute at most.</summary>
    private const int MostValuesAsked = 30;

    /// <summary>How many rows are looked at to see how often the filters meet: 500 of one value, 100 of several.</summary>
    private const int Sample = 500;
    private const int LeastSample = 100;

    /// <summary>To find where a value begins in an index costs as much as to read about that many rows.</summary>
    private const int RowsPerValue = 4;

    /// <summary>No range is read further than that: where rows are denser than expected, a shorter one will do.</summary>
    private const int MostLooked = 8_000;

    /// <summary>Shorter ones are read whole, whatever they hold.</summary>
    private static readonly TimeSpan ShortestRange = TimeSpan.FromMilliseconds(1);

    private static readonly LogColumn Everything = new(LogColumn.Outcome, LogFilter.AllOutcomes);

    private readonly IReadOnlyList<LogColumn> _columns = wanted.Columns();

    /// <summary>
    /// Tells the planner what its statistics cannot: few rows are needed of each run, so it shall walk the index in its
    /// order, and neither gather the rows in another way to sort them nor prepare for long work.
    /// </summary>
    public static Task PrepareAsync(PandoraDb db, CancellationToken ct) =>
        db.Database.ExecuteSqlRawAsync(
            "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; SET LOCAL jit = off", ct);

    /// <summary>The first rows of the list, in its order.</summary>
    public async Task<List<LogPosition>> NewestAsync(int count, CancellationToken ct)
    {
        var leading = _columns.MinBy(column => column.Values.Length) ?? Everything;
        List<LogPosition> page = [];
        foreach (var partition in await PartitionsAsync(leading.Values.Length > MostValuesAsked ? Everything : leading, ct))
        {
            if (page.Count == count && page[^1].RequestTime > partition.Newest)
            {
                break;
            }
            page.AddRange(await TakeAsync(partition, leading, count, ct));
            page = [.. page.OrderByDescending(place => place.RequestTime).ThenByDescending(place => place.Id).Take(count)];
        }
        return page;
    }

    /// <summary>Of one partition the first rows of the list, in its order.</summary>
    private async Task<List<LogPosition>> TakeAsync(LogPartition partition, LogColumn leading, int count, CancellationToken ct)
    {
        var looked = _columns.Count > 1 ? Math.Max(LeastSample, Sample / leading.Values.Length) : count;
        var newest = await SampleAsync(partition, leading, looked, ct);
        List<LogPosition> page = [.. newest.Where(row => row.IsWanted).Take(count).Select(row => row.Place)];
        if (page.Count == count || newest.Count < looked)
        {
            return page;
        }

        var below = newest[^1].Place;
        var passed = newest[0].RequestTime - below.RequestTime;
        (var column, looked) = await CheapestAsync(
            partition, leading, looked, below.RequestTime, (double)count / Math.Max(1, page.Count), ct);
        var oldest = await OldestAsync(partition, leading, ct);
        var longest = TimeSpan.MaxValue;
        while (true)
        {
            var length = Next();
            var from = length < below.RequestTime - oldest ? below.RequestTime - length : oldest;
            var most = length > ShortestRange ? MostLooked : int.MaxValue;
            var range = await RangeAsync(partition, column, from, below, count - page.Count, most, ct);
            if (range[0].Looked == most)
            {
                longest = (below.RequestTime - from) / 8;
                continue;
            }
            page.AddRange(range.Where(row => row.Id is not null).Select(row => new LogPosition(row.Id!.Value, row.RequestTime!.Value)));
            if (page.Count == count || from == oldest)
            {
                return page;
            }
            (passed, looked) = (passed + (below.RequestTime - from), looked + range[0].Looked);
            longest = longest < TimeSpan.MaxValue / 2 ? longest * 2 : longest;
            below = new LogPosition(Guid.Empty, from);
        }

        // A little more than the rest of the page should need, if what comes is like what was passed.
        TimeSpan Next()
        {
            var times = Math.Min(1.5 * (count - page.Count) / Math.Max(1, page.Count), MostLooked / 2.0 / Math.Max(1, looked));
            var days = Math.Max(passed.TotalDays, ShortestRange.TotalDays) * Math.Clamp(times, 0.1, 1_000);
            return TimeSpan.FromDays(Math.Min(days, longest.TotalDays));
        }
    }

    /// <summary>
    /// The column to follow for a page that reaches <paramref name="times"/> as far back as the sample, which the leading
    /// column ended at <paramref name="since"/>; with the number of its rows up to there.
    /// </summary>
    private async Task<(LogColumn Column, int Looked)> CheapestAsync(
        LogPartition partition, LogColumn leading, int sample, DateTimeOffset since, double times, CancellationToken ct)
    {
        var (cheapest, least) = ((Column: leading, Looked: sample), sample * times);
        foreach (var column in _columns.Where(column => column != leading && RowsPerValue * column.Values.Length < least))
        {
            var looked = (await RangeAsync(partition, column, since, wanted.Below, 0, sample, ct))[0].Looked;
            var cost = (looked * times) + (RowsPerValue * column.Values.Length);
            (cheapest, least) = cost < least ? ((column, looked), cost) : (cheapest, least);
        }
        return cheapest;
    }

    /// <summary>The partitions that may hold wanted rows, with the newest time of those, newest first.</summary>
    private Task<List<LogPartition>> PartitionsAsync(LogColumn column, CancellationToken ct) =>
        db.Database
            .SqlQueryRaw<LogPartition>(LogSql.Partitions(column.Name), column.Values, wanted.From, wanted.Below.RequestTime)
            .ToListAsync(ct);

    private Task<List<SampledRow>> SampleAsync(LogPartition partition, LogColumn column, int count, CancellationToken ct) =>
        db.Database
            .SqlQueryRaw<SampledRow>(
                LogSql.Sample(partition.IsDefault, column.Name, manyValues: column.Values.Length > count),
                Parameters(partition, column, wanted.From, wanted.Below, count))
            .ToListAsync(ct);

    private Task<DateTimeOffset> OldestAsync(LogPartition partition, LogColumn column, CancellationToken ct) =>
        db.Database
            .SqlQueryRaw<DateTimeOffset>(LogSql.Oldest(partition.IsDefault, column.Name), Parameters(partition, column, wanted.From, wanted.Below))
            .SingleAsync(ct);

    private Task<List<RangeRow>> RangeAsync(
        LogPartition partition, LogColumn column, DateTimeOffset from, LogPosition below, int count, int most, CancellationToken ct) =>
        db.Database
            .SqlQueryRaw<RangeRow>(LogSql.Range(partition.IsDefault, column.Name), [.. Parameters(partition, column, from, below, count), most])
            .ToListAsync(ct);

    private object[] Parameters(LogPartition partition, LogColumn column, DateTimeOffset from, LogPosition below, int count = 0) =>
    [
        column.Values,
        from,
        below.RequestTime,
        below.Id,
        partition.From,
        partition.To,
        count,
        column.Name == LogColumn.Key ? null! : wanted.Keys!,
        column.Name == LogColumn.Service ? null! : wanted.Services!,
        column.Name == LogColumn.Outcome ? null! : wanted.Outcomes!,
    ];
}
