using System.Data;
using Microsoft.EntityFrameworkCore;
using Pandora.Core.Gate;
using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.Requests;

/// <summary>
/// Reads the request log. Its rows refer to keys and services as they were named at the time; whether the records still
/// exist is looked up for the rows that are shown. A filter on the id of a record that is gone matches nothing.
/// </summary>
internal static class RequestLog
{
    private const int DefaultLimit = 100;

    /// <summary>One page, newest first; texts that only <see cref="DetailAsync"/> shows are not fetched.</summary>
    public static async Task<Page<Request>> PageAsync(PandoraDb db, RequestFilter filter, PageRequest page, CancellationToken ct)
    {
        var limit = page.Limit ?? DefaultLimit;
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, ct);
        await LogPageReader.PrepareAsync(db, ct);
        var places = await WantedAsync(db, filter, page.After, ct) is { } wanted
            ? await new LogPageReader(db, wanted).NewestAsync(limit + 1, ct)
            : [];
        var ids = places.ConvertAll(place => place.Id);
        var found = await ViewsOf(db, db.Requests.Where(row => ids.Contains(row.Id))).ToDictionaryAsync(view => view.Id, ct);
        await transaction.CommitAsync(ct);
        // A partition that is removed meanwhile takes its rows with it.
        var views = ids.Where(found.ContainsKey).Select(id => found[id]).ToList();
        return page.Cut(views, limit, view => new ListPosition(view.RequestTime, view.Id.ToString()));
    }

    public static async Task<RequestDetail?> DetailAsync(PandoraDb db, Guid id, CancellationToken ct)
    {
        var rows = db.Requests.Where(row => row.Id == id);
        if (await ViewsOf(db, rows).FirstOrDefaultAsync(ct) is not { } view)
        {
            return null;
        }
        var texts = rows.Select(row => new
        {
            row.Detail,
            Metadata = new RequestMetadata(
                row.MetadataBody, row.MetadataCookies, row.MetadataHeaders, row.MetadataQueryParams, row.MetadataContentType),
        });
        return await texts.FirstOrDefaultAsync(ct) is { } found ? new RequestDetail(view, found.Detail, found.Metadata) : null;
    }

    /// <summary>Null: no row can match.</summary>
    private static async Task<LogFilter?> WantedAsync(PandoraDb db, RequestFilter filter, ListPosition? after, CancellationToken ct)
    {
        var wanted = new LogFilter(
            await KeysAsync(db, filter, ct),
            await ServicesAsync(db, filter, ct),
            OutcomesOf(filter),
            filter.Times.From ?? DateTimeOffset.MinValue,
            Below(filter.Times.To, after));
        return wanted.Keys is [] || wanted.Services is [] || wanted.Outcomes is [] ? null : wanted;
    }

    /// <summary>Keys as they were named in the log. Null: any, unknown ones too.</summary>
    private static async Task<int[]?> KeysAsync(PandoraDb db, RequestFilter filter, CancellationToken ct)
    {
        if (filter is { ApiKey: null, Environment: null, Project: null, Client: null })
        {
            return null;
        }
        IQueryable<LoggedKeyRow> keys = db.LoggedKeys;
        if (filter.ApiKey is { Value: var key })
        {
            keys = keys.Where(row => row.ApiKeyId == key && db.ApiKeys.Any(record => record.Id == key));
        }
        if (filter.Environment is { Value: var environment })
        {
            keys = keys.Where(row => row.EnvironmentId == environment && db.Environments.Any(record => record.Id == environment));
        }
        if (filter.Project is { Value: var project })
        {
            keys = keys.Where(row => row.ProjectId == project && db.Projects.Any(record => record.Id == project));
        }
        if (filter.Client is { Value: var client })
        {
            keys = keys.Where(row => row.ClientId == client && db.Clients.Any(record => record.Id == client));
        }
        return await keys.Select(row => row.Id).ToArrayAsync(ct);
    }

    /// <summary>Services as they were named in the log. Null: any, unknown ones too.</summary>
    private static async Task<int[]?> ServicesAsync(PandoraDb db, RequestFilter filter, CancellationToken ct) =>
        filter.Service is { Value: var service }
            ? await db.LoggedServices
                .Where(row => row.ServiceId == service && db.Services.Any(record => record.Id == service))
                .Select(row => row.Id)
                .ToArrayAsync(ct)
            : null;

    /// <summary>Null: any.</summary>
    private static int[]? OutcomesOf(RequestFilter filter) =>
        filter is { Status: null, Reason: null }
            ? null
            : [.. LogFilter.AllOutcomes.Where(outcome =>
                HasStatus(outcome, filter.Status) && HasReason(outcome, filter.Reason) && CanBeOf(LoggedOutcome.ReasonOf((short)outcome), filter))];

    /// <summary>False: such rows have no key, or no service. They are many, and would be read to find out.</summary>
    private static bool CanBeOf(FailureCode reason, RequestFilter filter) => reason switch
    {
        FailureCode.ApiKeyInvalid => filter is { ApiKey: null, Environment: null, Project: null, Client: null },
        FailureCode.ServiceMismatch => filter.Service is null,
        _ => true,
    };

    private static bool HasStatus(int outcome, ExecutionStatusFilter? status) => status switch
    {
        null => true,
        ExecutionStatusFilter.QuotaExceeded => HasReason(outcome, FailureCode.QuotaExceeded),
        _ => LoggedOutcome.StatusOf((short)outcome) == (ExecutionStatus)status,
    };

    private static bool HasReason(int outcome, FailureCode? reason) => reason is null || LoggedOutcome.ReasonOf((short)outcome) == reason;

    /// <summary>A place that every wanted row comes after in the list.</summary>
    private static LogPosition Below(DateTimeOffset? to, ListPosition? after)
    {
        var last = new LogPosition(Guid.AllBitsSet, to ?? DateTimeOffset.MaxValue);
        return after is { } position && position.Time <= last.RequestTime ? new LogPosition(Guid.Parse(position.Id), position.Time) : last;
    }

    /// <summary>What lists show of rows: with the ids of the records that still exist.</summary>
    private static IQueryable<Request> ViewsOf(PandoraDb db, IQueryable<RequestRow> rows) =>
        from row in rows
        from loggedKey in db.LoggedKeys.Where(logged => logged.Id == row.LoggedKeyId).DefaultIfEmpty()
        from loggedService in db.LoggedServices.Where(logged => logged.Id == row.LoggedServiceId).DefaultIfEmpty()
        from key in db.ApiKeys.Where(record => record.Id == loggedKey!.ApiKeyId).DefaultIfEmpty()
        from environment in db.Environments.Where(record => record.Id == loggedKey!.EnvironmentId).DefaultIfEmpty()
        from project in db.Projects.Where(record => record.Id == loggedKey!.ProjectId).DefaultIfEmpty()
        from service in db.Services.Where(record => record.Id == loggedService!.ServiceId).DefaultIfEmpty()
        select new Request(
            row.Id,
            "",
            new RequestKey((int?)key!.Id ?? 0, loggedKey!.KeyMask ?? row.KeyMask),
            new RequestPlace((int?)project!.Id ?? 0, loggedKey.ProjectName ?? ""),
            new RequestPlace((int?)environment!.Id ?? 0, loggedKey.EnvironmentName ?? ""),
            new RequestService(
                (int?)service!.Id ?? 0, loggedService!.Name ?? row.ServiceName, loggedService.Version ?? row.ServiceVersion),
            row.StatusCode,
            LoggedOutcome.StatusOf(row.Outcome),
            LoggedOutcome.ReasonOf(row.Outcome),
            row.RequestTime,
            row.Path,
            LoggedMethod.NameOf(row.Method, row.MethodName),
            row.IpAddress,
            RequestId.TimeOf(row.Id));
}
