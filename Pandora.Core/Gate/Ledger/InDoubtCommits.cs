using Npgsql;
using NpgsqlTypes;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Gate.Ledger;

/// <summary>
/// In-doubt commits: checks that are, or may be, committed although nobody was told. Their caller gave up meanwhile, or the
/// connection broke before the server answered. They are taken back as soon as it is certain that nothing more can become
/// of them; those with an idempotency key only if no repetition was told of them meanwhile.
/// </summary>
internal sealed partial class InDoubtCommits(NodeMeters meters, ILogger logger)
{
    private static readonly TimeSpan SettleLimit = TimeSpan.FromSeconds(1);

    private readonly Queue<InDoubtCommit> _ends = [];

    public bool IsEmpty => _ends.Count == 0;

    /// <summary>
    /// Has the backend of a broken connection terminated: it may not know yet, and hold locks in a transaction that nobody
    /// will end.
    /// </summary>
    public void Add(Backend server)
    {
        if (!_ends.Any(end => end.Server == server))
        {
            _ends.Enqueue(new InDoubtCommit(server, [], [], [], []));
        }
    }

    /// <param name="server">The process that may yet commit them. Null: they are committed.</param>
    public void Add(List<PendingCheck> checks, Backend? server) =>
        // A copy: the checks themselves may be decided anew.
        _ends.Enqueue(new InDoubtCommit(
            server,
            [.. checks.Where(check => check is { IsRemembered: false, HasRow: true }).Select(check => check.Decision.RequestId)],
            [.. checks.Where(check => check.IsRemembered).Select(check => check.Decision.RequestId)],
            [.. checks.Where(check => check.IsRemembered).Select(check => check.IdempotencyKey!.Id)],
            [.. checks.Select(check => check.Decision.Reservation?.Id).OfType<Guid>()]));

    /// <summary>What fails now is tried again later; nothing that goes wrong here may end the lane.</summary>
    public async Task SettleAsync(LaneConnection lane, CancellationToken stopNow)
    {
        if (IsEmpty)
        {
            return;
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopNow);
        limit.CancelAfter(SettleLimit);
        try
        {
            while (_ends.TryPeek(out var end))
            {
                var connection = await lane.OpenAsync(limit.Token);
                if (end.Server is { } server && !await lane.InTime(HasTerminatedAsync(connection, server, limit.Token), limit.Token))
                {
                    return;
                }
                if (end.Count > 0)
                {
                    var taken = await lane.InTime(TakeBackAsync(connection, end, limit.Token), limit.Token);
                    Log.TakenBack(logger, taken, end.Count);
                    meters.TakenBack(taken);
                }
                _ends.Dequeue();
            }
        }
        catch (Exception e) when (e is not OperationCanceledException || !stopNow.IsCancellationRequested)
        {
            lane.Drop();
            Log.TakeBackDelayed(logger, _ends.Count, e.GetType().Name, e.Message);
        }
    }

    /// <summary>Says what is left behind at the end of the process.</summary>
    public void GiveUp()
    {
        var left = _ends.Sum(end => end.Count);
        if (left > 0)
        {
            Log.NeverSettled(logger, left);
        }
    }

    /// <summary>Terminates the backend; false as long as it is there.</summary>
    private static async Task<bool> HasTerminatedAsync(NpgsqlConnection connection, Backend server, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(GateSql.TerminateBackend)
            .With(server.Id, NpgsqlDbType.Integer)
            .With(server.StartedAt, NpgsqlDbType.TimestampTz);
        return await batch.ExecuteScalarAsync(ct) is null;
    }

    private static async Task<long> TakeBackAsync(NpgsqlConnection connection, InDoubtCommit end, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(GateSql.TakeBack)
            .WithUuids(end.RequestIds)
            .WithUuids(end.NamedRequestIds)
            .WithBytes(end.Names)
            .WithUuids(end.ReservationIds);
        return (long)(await batch.ExecuteScalarAsync(ct))!;
    }

    private sealed record InDoubtCommit(
        Backend? Server, List<Guid> RequestIds, List<Guid> NamedRequestIds, List<byte[]> Names, List<Guid> ReservationIds)
    {
        public int Count => RequestIds.Count + NamedRequestIds.Count;
    }

    private static partial class Log
    {
        [LoggerMessage(4005, LogLevel.Information, "{Undone} checks were taken back; {Count} callers had got no answer")]
        public static partial void TakenBack(ILogger logger, long undone, int count);

        [LoggerMessage(4006, LogLevel.Warning, "{Count} batches are yet to be settled ({Type}: {Message})")]
        public static partial void TakeBackDelayed(ILogger logger, int count, string type, string message);

        [LoggerMessage(4008, LogLevel.Warning, "{Count} callers had got no answer; whether their checks were committed is left open at the end of the process")]
        public static partial void NeverSettled(ILogger logger, int count);
    }
}
