using Microsoft.EntityFrameworkCore;
using Pandora.Core.Persistence;

namespace Pandora.Core.Requests;

/// <summary>
/// Finds the newest wanted rows of the log without scanning it. In each partition each value of a column has its rows in
/// order of time in an index; a page is merged from the newest ends of these runs:
/// (1) choose the column to go by: of those that are narrowed, the one with the fewest rows lately;
/// (2) ask each partition for the newest time that it can contribute;
/// (3) take rows from one partition after the other, newest first, until none of those left can contribute.
/// What a page costs depends on how many values are wanted, not on how many rows there are before or after it. Only when
/// two filters hardly ever meet, the rows of the rarer one are read until they do.
/// </summary>
internal sealed class LogWalk(PandoraDb db, LogWanted wanted)
{
    /// <summary>With more values than that, the partitions are asked by outcome for what they can contribute at most.</summary>
    private const int MostValuesAsked = 30;

    /// <summary>How many rows of a column are looked at to see how far back they reach.</summary>
    private const int Sample = 1_000;

    /// <summary>
    /// Tells the planner what its statistics cannot: few rows are needed of each run, so it shall walk the index in its
    /// order, and neither gather the rows in another way to sort them nor prepare for long work.
    /// </summary>
    public static Task PrepareAsync(PandoraDb db, CancellationToken ct) =>
        db.Database.ExecuteSqlRawAsync(
            "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; SET LOCAL jit = off", ct);

    /// <summary>The first rows of the list, in its order.</summary>
    public async Task<List<LogPlace>> NewestAsync(int count, CancellationToken ct)
    {
        var columns = wanted.Columns();
        var spans = await SpansAsync(columns.MinBy(column => column.Values.Length)!, ct);
        if (spans is [])
        {
            return [];
        }
        var column = columns.Count == 1 ? columns[0] : await RarestAsync(columns, spans[0], ct);
        List<LogPlace> page = [];
        foreach (var span in spans)
        {
            if (page.Count == count && page[^1].RequestTime > span.Newest)
            {
                break;
            }
            page.AddRange(await TakeAsync(span, column, wanted, count, ct));
            page = [.. page.OrderByDescending(place => place.RequestTime).ThenByDescending(place => place.Id).Take(count)];
        }
        return page;
    }

    /// <summary>The column whose newest rows reach back furthest; one that has few is taken at once.</summary>
    private async Task<LogColumn> RarestAsync(IReadOnlyList<LogColumn> columns, LogSpan span, CancellationToken ct)
    {
        var anything = wanted with { Keys = null, Services = null, Outcomes = null };
        var (rarest, oldest) = (columns[0], DateTimeOffset.MaxValue);
        foreach (var column in columns.OrderBy(column => column.Values.Length))
        {
            var rows = await TakeAsync(span, column, anything, Sample, ct);
            if (rows.Count < Sample)
            {
                return column;
            }
            (rarest, oldest) = rows[^1].RequestTime < oldest ? (column, rows[^1].RequestTime) : (rarest, oldest);
        }
        return rarest;
    }

    /// <summary>The partitions that may hold wanted rows, with the newest time of those, newest first.</summary>
    private async Task<List<LogSpan>> SpansAsync(LogColumn column, CancellationToken ct)
    {
        if (column.Values.Length > MostValuesAsked)
        {
            column = new LogColumn(LogColumn.Outcome, LogWanted.AllOutcomes);
        }
        return await db.Database
            .SqlQueryRaw<LogSpan>(LogSql.Spans(column.Name), column.Values, wanted.From, wanted.Below.RequestTime)
            .ToListAsync(ct);
    }

    /// <summary>Of one partition the first rows of the list that match <paramref name="rows"/>, in its order.</summary>
    private Task<List<LogPlace>> TakeAsync(LogSpan span, LogColumn column, LogWanted rows, int count, CancellationToken ct) =>
        db.Database
            .SqlQueryRaw<LogPlace>(
                LogSql.Rows(span.IsDefault, column.Name, manyValues: column.Values.Length > count),
                column.Values,
                rows.From,
                rows.Below.RequestTime,
                rows.Below.Id,
                span.From,
                span.To,
                count,
                column.Name == LogColumn.Key ? null! : rows.Keys!,
                column.Name == LogColumn.Service ? null! : rows.Services!,
                column.Name == LogColumn.Outcome ? null! : rows.Outcomes!)
            .ToListAsync(ct);
}

/// <summary>A partition that may hold wanted rows.</summary>
/// <param name="From">The lowest id in it.</param>
/// <param name="To">No id in it is as high.</param>
/// <param name="Newest">No wanted row in it was requested later.</param>
/// <param name="IsDefault">Whether it is the one for all ids that no other partition takes.</param>
internal sealed record LogSpan(Guid From, Guid To, DateTimeOffset Newest, bool IsDefault);
