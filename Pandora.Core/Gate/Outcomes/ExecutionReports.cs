using Npgsql;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Gate.Outcomes;

/// <summary>What became of a report.</summary>
internal enum ReportOutcome
{
    /// <summary>Stored now, or the same final status was stored before.</summary>
    Accepted,

    /// <summary>No such row in the request log.</summary>
    NotFound,

    /// <summary>The row has another final status, or its call was refused.</summary>
    Conflict,
}

/// <summary>Stores how the calls that passed the gate ended; of several reports about one call the first one wins.</summary>
internal sealed class ExecutionReports
{
    private readonly NpgsqlDataSource _database;
    private readonly CallBatcher<Report, ReportOutcome> _groups;

    public ExecutionReports(
        [FromKeyedServices(GateSetup.ReportsDatabase)] NpgsqlDataSource database,
        NodeMeters meters,
        ILogger<ExecutionReports> logger)
    {
        _database = database;
        _groups = new CallBatcher<Report, ReportOutcome>(StoreAsync, logger);
        meters.ShowReports(() => _groups.Count);
    }

    /// <param name="status">A final status: success, client error or server error.</param>
    /// <param name="detail">What happened; "" for nothing. Keys in it are masked, and it is cut to the limit of the log.</param>
    /// <exception cref="GateUnavailableException">It may have been stored all the same; it can be sent again.</exception>
    public ValueTask<ReportOutcome> ReportAsync(
        Guid requestId, ExecutionStatus status, int statusCode, string detail, CancellationToken ct) =>
        _groups.RunAsync(
            requestId, new Report(requestId, (short)status, (short)statusCode, LoggedTexts.Detail(detail)), ct);

    private async Task<ReportOutcome[]> StoreAsync(List<Report> reports, CancellationToken ct)
    {
        await using var connection = await _database.OpenConnectionAsync(ct);
        var stored = new HashSet<Guid>();
        await using (var batch = new NpgsqlBatch(connection))
        {
            batch.Add(GateSql.StoreOutcomes)
                .WithUuids(reports.ConvertAll(report => report.Id))
                .WithShorts(reports.ConvertAll(report => report.Status))
                .WithShorts(reports.ConvertAll(report => report.StatusCode))
                .WithTexts(reports.ConvertAll(report => report.Detail));
            await using var reader = await batch.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                stored.Add(reader.GetGuid(0));
            }
        }
        var others = reports.FindAll(report => !stored.Contains(report.Id));
        var before = others.Count == 0 ? [] : await ReadAsync(connection, others, ct);
        return [.. reports.Select(report =>
            stored.Contains(report.Id) ? ReportOutcome.Accepted
            : !before.TryGetValue(report.Id, out var status) ? ReportOutcome.NotFound
            : status == report.Status ? ReportOutcome.Accepted
            : ReportOutcome.Conflict)];
    }

    private static async Task<Dictionary<Guid, short>> ReadAsync(
        NpgsqlConnection connection, List<Report> reports, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(GateSql.ReadOutcomes).WithUuids(reports.ConvertAll(report => report.Id));
        await using var reader = await batch.ExecuteReaderAsync(ct);
        var outcomes = new Dictionary<Guid, short>();
        while (await reader.ReadAsync(ct))
        {
            outcomes.Add(reader.GetGuid(0), reader.GetInt16(1));
        }
        return outcomes;
    }

    private sealed record Report(Guid Id, short Status, short StatusCode, string Detail);
}
