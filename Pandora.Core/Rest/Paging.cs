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
internal sealed record PageRequest(int? Limit, ListPosition? After, string Path, IReadOnlyList<KeyValuePair<string, string>> Filters)
{
    private const int MaxLimit = 1000;

    /// <param name="listsUuids">Whether the rows of the list are known by a UUID; else they are by a number.</param>
    public static PageRequest Read(Fields query, PathString requestPath, bool listsUuids)
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
        return new PageRequest(limit, after, path, filters);
    }

    /// <summary>Fetches one page of records, newest first. Without a limit that is all of them.</summary>
    public Task<Page<TRow>> FetchAsync<TRow>(IQueryable<TRow> rows, CancellationToken ct)
        where TRow : class, IListedRow => FetchAsync(rows, page => page, ct);

    /// <inheritdoc cref="FetchAsync{TRow}(IQueryable{TRow}, CancellationToken)"/>
    /// <param name="complete">Fetches with the rows of the page what belongs to them.</param>
    public async Task<Page<TRow>> FetchAsync<TRow>(
        IQueryable<TRow> rows, Func<IQueryable<TRow>, IQueryable<TRow>> complete, CancellationToken ct)
        where TRow : class, IListedRow
    {
        if (After is { } after)
        {
            var (time, id) = (after.Time, int.Parse(after.Id, CultureInfo.InvariantCulture));
            // A comparison of pairs finds its place in the index; "older, or as old with a lower id" would be a filter.
            rows = rows.Where(row =>
                EF.Functions.LessThan(ValueTuple.Create(row.CreatedAt, row.Id), ValueTuple.Create(time, id)));
        }
        rows = rows.OrderByDescending(row => row.CreatedAt).ThenByDescending(row => row.Id);
        return Cut(
            await complete(rows.Take((Limit ?? int.MaxValue - 1) + 1)).ToListAsync(ct),
            Limit,
            row => new ListPosition(row.CreatedAt, row.Id.ToString(CultureInfo.InvariantCulture)));
    }

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
        return new Page<TRow>(rows, $"<{Path}{query}>; rel=\"next\"");
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
