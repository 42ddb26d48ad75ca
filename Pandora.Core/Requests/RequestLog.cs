using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Pandora.Core.Gate;
using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.Requests;

/// <summary>
/// Reads the request log. Its rows keep the ids they were written with; whether the records still exist is looked up for
/// the rows that are shown. A filter on the id of a record that is gone matches nothing.
/// </summary>
internal static class RequestLog
{
    private const int DefaultLimit = 100;

    private static readonly Expression<Func<LogLine, Request>> View = line => new Request(
        line.Row.Id,
        "",
        new RequestKey(line.ApiKeyId ?? 0, line.Row.KeyMask),
        new RequestPlace(line.ProjectId ?? 0, line.Row.ProjectName),
        new RequestPlace(line.EnvironmentId ?? 0, line.Row.EnvironmentName),
        new RequestService(line.ServiceId ?? 0, line.Row.ServiceName, line.Row.ServiceVersion),
        line.Row.StatusCode,
        line.Row.ExecutionStatus,
        line.Row.UnauthorizedReason,
        line.Row.RequestTime,
        line.Row.Path,
        line.Row.Method,
        line.Row.IpAddress,
        line.Row.CreatedAt);

    private static readonly Func<LogLine, Request> ViewOf = View.Compile();

    public static IQueryable<RequestRow> Matching(this IQueryable<RequestRow> rows, PandoraDb db, RequestFilter filter)
    {
        if (filter.ApiKey is { Value: var key })
        {
            rows = rows.Where(row => row.ApiKeyId == key && db.ApiKeys.Any(record => record.Id == key));
        }
        if (filter.Environment is { Value: var environment })
        {
            rows = rows.Where(row => row.EnvironmentId == environment && db.Environments.Any(record => record.Id == environment));
        }
        if (filter.Project is { Value: var project })
        {
            rows = rows.Where(row => row.ProjectId == project && db.Projects.Any(record => record.Id == project));
        }
        if (filter.Client is { Value: var client })
        {
            rows = rows.Where(row => row.ClientId == client && db.Clients.Any(record => record.Id == client));
        }
        if (filter.Service is { Value: var service })
        {
            rows = rows.Where(row => row.ServiceId == service && db.Services.Any(record => record.Id == service));
        }
        if (filter.Reason is { } reason)
        {
            rows = rows.RefusedFor(reason);
        }
        return rows.WithStatus(filter.Status).Within(filter.Times);
    }

    public static IQueryable<RequestRow> WithStatus(this IQueryable<RequestRow> rows, ExecutionStatusFilter? status) => status switch
    {
        null => rows,
        ExecutionStatusFilter.QuotaExceeded => rows.RefusedFor(FailureCode.QuotaExceeded),
        _ => rows.Where(row => row.ExecutionStatus == (ExecutionStatus)status),
    };

    public static IQueryable<RequestRow> Within(this IQueryable<RequestRow> rows, RequestTimes times)
    {
        if (times.From is { } from)
        {
            rows = rows.Where(row => row.RequestTime >= from);
        }
        if (times.To is { } to)
        {
            rows = rows.Where(row => row.RequestTime <= to);
        }
        return rows;
    }

    /// <summary>One page, newest first; texts that only <see cref="DetailAsync"/> shows are not fetched.</summary>
    public static async Task<Page<Request>> PageAsync(
        this IQueryable<RequestRow> rows, PandoraDb db, PageRequest page, CancellationToken ct)
    {
        if (page.After is { } after)
        {
            var (time, id) = (after.Time, Guid.Parse(after.Id));
            rows = rows.Where(row => EF.Functions.LessThan(ValueTuple.Create(row.RequestTime, row.Id), ValueTuple.Create(time, id)));
        }
        // The planner takes random reads for dear and would rather walk the whole log in order of time, skipping what does
        // not match. With this price it takes the index of the filter, whose cost does not depend on who calls how often.
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.Database.ExecuteSqlRawAsync("SET LOCAL random_page_cost = 1.1", ct);
        var limit = page.Limit ?? DefaultLimit;
        var shown = rows.OrderByDescending(row => row.RequestTime).ThenByDescending(row => row.Id).Take(limit + 1);
        var views = await Lines(db, shown)
            .OrderByDescending(line => line.Row.RequestTime)
            .ThenByDescending(line => line.Row.Id)
            .Select(View)
            .ToListAsync(ct);
        await transaction.CommitAsync(ct);
        return page.Cut(views, limit, view => new ListPosition(view.RequestTime, view.Id.ToString()));
    }

    public static async Task<RequestDetail?> DetailAsync(PandoraDb db, Guid id, CancellationToken ct) =>
        await Lines(db, db.Requests.AsNoTracking().Where(row => row.Id == id)).FirstOrDefaultAsync(ct) is { } line
            ? new RequestDetail(
                ViewOf(line),
                line.Row.Detail,
                new RequestMetadata(
                    line.Row.MetadataBody,
                    line.Row.MetadataCookies,
                    line.Row.MetadataHeaders,
                    line.Row.MetadataQueryParams,
                    line.Row.MetadataContentType))
            : null;

    private static IQueryable<RequestRow> RefusedFor(this IQueryable<RequestRow> rows, FailureCode reason) =>
        rows.Where(row => row.UnauthorizedReason == reason && row.UnauthorizedReason != FailureCode.None);

    private static IQueryable<LogLine> Lines(PandoraDb db, IQueryable<RequestRow> rows) =>
        from row in rows
        from key in db.ApiKeys.Where(record => record.Id == row.ApiKeyId).DefaultIfEmpty()
        from environment in db.Environments.Where(record => record.Id == row.EnvironmentId).DefaultIfEmpty()
        from project in db.Projects.Where(record => record.Id == row.ProjectId).DefaultIfEmpty()
        from service in db.Services.Where(record => record.Id == row.ServiceId).DefaultIfEmpty()
        select new LogLine
        {
            Row = row,
            ApiKeyId = (int?)key!.Id,
            EnvironmentId = (int?)environment!.Id,
            ProjectId = (int?)project!.Id,
            ServiceId = (int?)service!.Id,
        };

    /// <summary>A row and the ids of those of its records that still exist.</summary>
    private sealed class LogLine
    {
        public required RequestRow Row { get; init; }
        public int? ApiKeyId { get; init; }
        public int? EnvironmentId { get; init; }
        public int? ProjectId { get; init; }
        public int? ServiceId { get; init; }
    }
}
