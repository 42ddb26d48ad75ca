using Npgsql;
using NpgsqlTypes;

namespace Pandora.Core.Gate;

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

/// <summary>Stores how the calls that passed the gate ended.</summary>
internal sealed class ExecutionReports(GateDataSource database)
{
    // The WHERE is the guard: of several reports at once the first one wins and the others find the row changed.
    private const string Store =
        "UPDATE request SET outcome = $2, status_code = $3, detail = $4 WHERE id = $1 AND outcome = 0";

    private const string ReadOutcome = "SELECT outcome FROM request WHERE id = $1";

    /// <param name="status">A final status: success, client error or server error.</param>
    /// <param name="detail">What happened; "" for nothing. Cut to the limit of the log.</param>
    public async Task<ReportOutcome> ReportAsync(
        Guid requestId, ExecutionStatus status, int statusCode, string detail, CancellationToken ct)
    {
        await using var store = database.Reports.CreateCommand(Store);
        store.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = requestId });
        store.Parameters.Add(new NpgsqlParameter<short> { TypedValue = (short)status });
        store.Parameters.Add(new NpgsqlParameter<short> { TypedValue = (short)statusCode });
        store.Parameters.Add(new NpgsqlParameter<string> { TypedValue = LoggedTexts.CutBytes(detail), NpgsqlDbType = NpgsqlDbType.Text });
        if (await store.ExecuteNonQueryAsync(ct) == 1)
        {
            return ReportOutcome.Accepted;
        }

        await using var read = database.Reports.CreateCommand(ReadOutcome);
        read.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = requestId });
        return await read.ExecuteScalarAsync(ct) switch
        {
            null => ReportOutcome.NotFound,
            short stored when stored == (short)status => ReportOutcome.Accepted,
            _ => ReportOutcome.Conflict,
        };
    }
}
