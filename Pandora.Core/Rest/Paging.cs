using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.EntityFrameworkCore;
using Pandora.Core.Persistence;

namespace Pandora.Core.Rest;

/// <summary>The place in a list after which a page begins: the sort keys of the last row shown.</summary>
internal readonly record struct ListPosition(DateTimeOffset Time, string Id);

/// <summary>Which page of a list is asked for.</summary>
/// <param name="Limit">Rows at most, 1..1000. Null: the caller did not say.</param>
/// <param name="After">Null: from the beginning.</param>
/// <param name="Path">Of the list, as the product knows it.</param>
/// <param name="Prefix">What a proxy has cut off before it; "" for nothing.</param>
internal sealed record PageRequest(
    int? Limit, ListPosition? After, string Path, string Prefix, IReadOnlyList<KeyValuePair<string, string>> Filters)
{
    private const int MaxLimit = 1000;

    /// <summary>How much of a list that is answered whole is fetched at once.</summary>
    private const int RowsAtOnce = 1000;

    /// <summary>The same, of rows that may have thousands of others below them.</summary>
    private const int CompleteRowsAtOnce = 50;

    /// <param name="listsUuids">Whether the rows of the list are known by a UUID; else they are by a number.</param>
    public static PageRequest Read(Fields query, PathString prefix, PathString requestPath, bool listsUuids)
    {
        var filters = query.Given.ToList();
        var path = requestPath.ToUriComponent().TrimEnd('/');
        var limit = query.OptionalNumber("limit", 1, MaxLimit);
        ListPosition? after = query.OptionalText("cursor") switch
        {
            null => null,
            var cursor when Decode(cursor, path, listsUuids) is { } position => position,
            _ => query.Unreadable<ListPosition?>("cursor", "must be taken from the Link header of this list"),
        };
        return new PageRequest(limit, after, path, prefix.ToUriComponent().TrimEnd('/'), filters);
    }

    /// <summary>Answers with one page of records, newest first. Without a limit that is all of them, fetched as they are sent.</summary>
    /// <param name="view">Makes of a row what is answered.</param>
    public Task<IResult> AnswerAsync<TRow, TView>(IQueryable<TRow> rows, Func<TRow, TView> view, CancellationToken ct)
        where TRow : class, IListedRow => AnswerAsync(rows, page => page, RowsAtOnce, view, ct);

    /// <inheritdoc cref="AnswerAsync{TRow, TView}(IQueryable{TRow}, Func{TRow, TView}, CancellationToken)"/>
    /// <param name="complete">Fetches with rows what belongs to them.</param>
    public Task<IResult> AnswerAsync<TRow, TView>(
        IQueryable<TRow> rows, Func<IQueryable<TRow>, IQueryable<TRow>> complete, Func<TRow, TView> view, CancellationToken ct)
        where TRow : class, IListedRow => AnswerAsync(rows, complete, CompleteRowsAtOnce, view, ct);

    private async Task<IResult> AnswerAsync<TRow, TView>(
        IQueryable<TRow> rows,
        Func<IQueryable<TRow>, IQueryable<TRow>> complete,
        int rowsAtOnce,
        Func<TRow, TView> view,
        CancellationToken ct)
        where TRow : class, IListedRow
    {
        var first = await FetchAsync(After, Limit + 1 ?? rowsAtOnce);
        if (Limit is not null || first.Count < rowsAtOnce)
        {
            var page = Cut(first, Limit, PositionOf);
            return page.Answer(page.Rows.Select(view));
        }
        return TypedResults.Ok(AllAsync());

        Task<List<TRow>> FetchAsync(ListPosition? after, int count) => complete(From(rows, after).Take(count)).ToListAsync(ct);

        // Neither the list nor a connection to the database is held for as long as the caller takes to read.
        async IAsyncEnumerable<TView> AllAsync()
        {
            for (var part = first; ; part = await FetchAsync(PositionOf(part[^1]), rowsAtOnce))
            {
                foreach (var row in part)
                {
                    yield return view(row);
                }
                if (part.Count < rowsAtOnce)
                {
                    yield break;
                }
            }
        }
    }

    private static IQueryable<TRow> From<TRow>(IQueryable<TRow> rows, ListPosition? after)
        where TRow : class, IListedRow
    {
        if (after is { } position)
        {
            var (time, id) = (position.Time, int.Parse(position.Id, CultureInfo.InvariantCulture));
            // A comparison of pairs finds its place in the index; "older, or as old with a lower id" would be a filter.
            rows = rows.Where(row =>
                EF.Functions.LessThan(ValueTuple.Create(row.CreatedAt, row.Id), ValueTuple.Create(time, id)));
        }
        return rows.OrderByDescending(row => row.CreatedAt).ThenByDescending(row => row.Id);
    }

    private static ListPosition PositionOf<TRow>(TRow row)
        where TRow : class, IListedRow => new(row.CreatedAt, row.Id.ToString(CultureInfo.InvariantCulture));

    /// <summary>Makes a page of rows that were fetched in order, one more than <paramref name="limit"/> if there are more.</summary>
    public Page<TRow> Cut<TRow>(List<TRow> rows, int? limit, Func<TRow, ListPosition> positionOf)
    {
        if (limit is not { } most || rows.Count <= most)
        {
            return new Page<TRow>(rows, null);
        }
        rows.RemoveRange(most, rows.Count - most);
        var query = new QueryBuilder(Filters)
        {
            { "limit", most.ToString(CultureInfo.InvariantCulture) },
            { "cursor", Encode(positionOf(rows[^1]), Path) },
        };
        return new Page<TRow>(rows, $"<{Prefix}{Path}{query}>; rel=\"next\"");
    }

    private static string Encode(ListPosition position, string path) =>
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{position.Time.UtcTicks}|{position.Id}|{path}")));

    private static ListPosition? Decode(string cursor, string path, bool listsUuids)
    {
        if (!Base64Url.IsValid(cursor))
        {
            return null;
        }
        var parts = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor)).Split('|', 3);
        return parts is [var ticks, var id, var list]
            && list == path
            && long.TryParse(ticks, NumberStyles.None, CultureInfo.InvariantCulture, out var time)
            && time <= DateTimeOffset.MaxValue.UtcTicks
            && (listsUuids ? Guid.TryParseExact(id, "D", out _) : int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            ? new ListPosition(new DateTimeOffset(time, TimeSpan.Zero), id)
            : null;
    }
}

/// <summary>One page of a list: the answer is the plain array, with the way to the next page beside it.</summary>
/// <param name="Link">The <c>Link</c> header that leads to the next page. Null: there is none.</param>
internal sealed record Page<TRow>(IReadOnlyList<TRow> Rows, string? Link) : IResult
{
    /// <summary>The same page, answered with <paramref name="views"/>.</summary>
    public Page<TView> Answer<TView>(IEnumerable<TView> views) => new([.. views], Link);

    public Task ExecuteAsync(HttpContext httpContext)
    {
        if (Link is not null)
        {
            httpContext.Response.Headers.Link = Link;
        }
        return TypedResults.Ok(Rows).ExecuteAsync(httpContext);
    }
}
