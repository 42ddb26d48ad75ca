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
internal sealed class ExecutionReports
{
    /// <param name="status">A final status: success, client error or server error.</param>
    /// <param name="detail">What happened; "" for nothing. Cut to the limit of the log.</param>
    public Task<ReportOutcome> ReportAsync(Guid requestId, ExecutionStatus status, int statusCode, string detail, CancellationToken ct) =>
        throw new GateUnavailableException("not built");
}
