using System.Diagnostics;
using Npgsql;
using Pandora.Core.Errors;
using Pandora.Core.Gate.Cache;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Gate.Ledger;

/// <summary>
/// Works through one lane of the ledger, a batch at a time, on a connection of its own. It knows what to do when an attempt
/// to commit fails: try again, try each check alone, or tell the callers.
/// </summary>
internal sealed partial class LedgerWriter(
    LaneQueue lane, NpgsqlDataSource dataSource, KeyCache cache, UnknownKeyLog unknownKeys, TimeProvider time, NodeMeters meters, ILogger logger)
{
    private const int MaxBatch = 256;

    // Callers learn within 5 s that the database is unavailable. Who waited too long is not taken into a batch any more, so
    // that a batch has 0.7 s at least.
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan WaitLimit = TimeSpan.FromSeconds(3.3);
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan SettlePause = TimeSpan.FromSeconds(1);

    private readonly List<PendingCheck> _batch = new(MaxBatch);

    // Of a batch that failed, those that can wait for another one.
    private readonly List<PendingCheck> _again = [];
    private readonly LaneConnection _connection = new(dataSource, cache, logger);
    private readonly InDoubtCommits _inDoubt = new(meters, logger);

    // Left behind with a connection that may still be busy with it.
    private LedgerAttempts? _attempts;

    private LedgerAttempts Attempts =>
        _attempts ??= new LedgerAttempts(lane, _connection, _inDoubt, cache, unknownKeys, time, meters);

    /// <summary>Runs until the lane is closed and empty, or <paramref name="stopNow"/>.</summary>
    public async Task RunAsync(CancellationToken stopNow)
    {
        try
        {
            while (await HasWorkAsync(stopNow))
            {
                await _inDoubt.SettleAsync(_connection, stopNow);
                await ServeBatchAsync(stopNow);
            }
            await _inDoubt.SettleAsync(_connection, stopNow);
        }
        catch (OperationCanceledException) when (stopNow.IsCancellationRequested)
        {
            // Time is up: what waits is ended below.
        }
        finally
        {
            // Whatever ended the loop: a lane that nobody works through must take no more checks.
            lane.Close();
            FailLane(new GateUnavailableException("The node is stopping.", GateUnavailableException.Stopping));
            DropConnection();
            _inDoubt.GiveUp();
        }
    }

    /// <summary>False: the lane is closed and empty.</summary>
    private async ValueTask<bool> HasWorkAsync(CancellationToken stopNow)
    {
        stopNow.ThrowIfCancellationRequested();
        if (_again.Count > 0)
        {
            return true;
        }
        if (_inDoubt.IsEmpty)
        {
            return await lane.WaitAsync(stopNow);
        }
        using var pause = CancellationTokenSource.CreateLinkedTokenSource(stopNow);
        pause.CancelAfter(SettlePause);
        try
        {
            return await lane.WaitAsync(pause.Token);
        }
        catch (OperationCanceledException) when (!stopNow.IsCancellationRequested)
        {
            return true;
        }
    }

    private async Task ServeBatchAsync(CancellationToken stopNow)
    {
        _batch.Clear();
        _batch.AddRange(_again);
        _again.Clear();
        lane.Take(_batch, MaxBatch - _batch.Count);
        _batch.RemoveAll(check => !check.IsOpen);
        FailOld(_batch);
        if (_batch.Count == 0)
        {
            return;
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopNow);
        limit.CancelAfter(AnswerLimit - Stopwatch.GetElapsedTime(_batch.Min(check => check.Since)));
        try
        {
            await CommitAsync(_batch, limit.Token);
        }
        catch (Exception e) when (IsUnavailable(e, limit.Token))
        {
            FailOrPostpone(_batch, e);
        }
        catch (Exception e) when (_batch.Count > 1)
        {
            Log.BatchSplit(logger, _batch.Count, e);
            await CommitEachInTimeAsync([.. _batch], limit.Token);
        }
        catch (Exception e)
        {
            Log.CheckFailed(logger, e);
            FailBatch(_batch, e);
        }
    }

    private async Task CommitEachInTimeAsync(List<PendingCheck> checks, CancellationToken ct)
    {
        try
        {
            await CommitEachAsync(checks, ct);
        }
        catch (Exception e) when (IsUnavailable(e, ct))
        {
            FailOrPostpone(checks, e);
        }
    }

    /// <summary>One check that the database refuses must not fail the others of its batch.</summary>
    private async Task CommitEachAsync(List<PendingCheck> checks, CancellationToken ct)
    {
        foreach (var check in checks)
        {
            try
            {
                await CommitAsync([check], ct);
            }
            catch (Exception e) when (!IsUnavailable(e, ct))
            {
                Log.CheckFailed(logger, e);
                check.Fail(e);
            }
        }
    }

    /// <summary>
    /// Commits and answers, trying again on a new connection as long as it is certain that nothing was committed. Checks
    /// with an idempotency key come last.
    /// </summary>
    private async Task CommitAsync(List<PendingCheck> checks, CancellationToken ct)
    {
        // Only what is open: a check that was answered before something failed must not be charged once more.
        var open = checks.FindAll(check => check is { IsOpen: true, IdempotencyKey: null });
        while (open.Count > 0)
        {
            open = await TryAsync(() => Attempts.CommitAsync(open, ct), ct) ?? open;
            open.RemoveAll(check => !check.IsOpen);
        }
        var idempotent = checks.FindAll(check => check is { IsOpen: true, IdempotencyKey: not null });
        while (idempotent.Count > 0)
        {
            idempotent = await TryAsync(() => Attempts.CommitIdempotentAsync(idempotent, ct), ct) ?? idempotent;
            idempotent.RemoveAll(check => !check.IsOpen);
        }
    }

    /// <summary>Null: the database failed for now and nothing was committed.</summary>
    private async Task<List<PendingCheck>?> TryAsync(Func<Task<List<PendingCheck>>> attempt, CancellationToken ct)
    {
        try
        {
            return await attempt();
        }
        catch (Exception e)
        {
            if (_connection.IsOpen && !DatabaseFaults.IsRefusal(e))
            {
                _inDoubt.Add(_connection.Server);
            }
            DropConnection();
            if (!DatabaseFaults.IsUnavailable(e))
            {
                throw;
            }
            Log.BatchRetried(logger, e.GetType().Name, e.Message);
            meters.DecidedAgain("fault");
            await Task.Delay(RetryPause, ct);
            while (!_inDoubt.IsEmpty)
            {
                // Units that the lost attempt may hold must be back before the next one looks.
                await _inDoubt.SettleAsync(_connection, ct);
                await Task.Delay(RetryPause, ct);
            }
            return null;
        }
    }

    /// <summary>Time was up for one of the batch. The others, and those that wait, go on as long as their own time lasts.</summary>
    private void FailOrPostpone(List<PendingCheck> checks, Exception cause)
    {
        Log.DatabaseUnavailable(logger, cause.GetType().Name, cause.Message);
        DropConnection();
        _again.AddRange(checks.Where(check => check.IsOpen));
        FailOld(_again, cause);
        FailBatch(lane.TakeOld(Stopwatch.GetTimestamp() - (long)(WaitLimit.TotalSeconds * Stopwatch.Frequency)), TooLate(cause));
    }

    /// <summary>Who waited so long would, in the next batch, leave it too little time.</summary>
    private static void FailOld(List<PendingCheck> checks, Exception? cause = null)
    {
        if (checks.FindAll(check => Stopwatch.GetElapsedTime(check.Since) >= WaitLimit) is { Count: > 0 } old)
        {
            FailBatch(old, TooLate(cause));
            checks.RemoveAll(old.Contains);
        }
    }

    private static GateUnavailableException TooLate(Exception? cause) =>
        new("The database did not answer in time.", GateUnavailableException.Database, cause);

    private void FailLane(Exception fault)
    {
        FailBatch(_again, fault);
        _again.Clear();
        FailBatch(lane.TakeOld(long.MaxValue), fault);
    }

    private static void FailBatch(List<PendingCheck> checks, Exception fault)
    {
        foreach (var check in checks)
        {
            check.Fail(fault);
        }
    }

    private void DropConnection()
    {
        _connection.Drop();
        _attempts = null;
    }

    private static bool IsUnavailable(Exception e, CancellationToken limit) =>
        e is GateUnavailableException
        || DatabaseFaults.IsUnavailable(e)
        || (e is OperationCanceledException && limit.IsCancellationRequested);

    private static partial class Log
    {
        [LoggerMessage(4001, LogLevel.Warning, "Checks refused: the database is not available ({Type}: {Message})")]
        public static partial void DatabaseUnavailable(ILogger logger, string type, string message);

        [LoggerMessage(4002, LogLevel.Information, "A batch of checks is tried again ({Type}: {Message})")]
        public static partial void BatchRetried(ILogger logger, string type, string message);

        [LoggerMessage(4003, LogLevel.Error, "A batch of {Count} checks was refused by the database; each is tried alone")]
        public static partial void BatchSplit(ILogger logger, int count, Exception exception);

        [LoggerMessage(4004, LogLevel.Error, "A check failed unexpectedly")]
        public static partial void CheckFailed(ILogger logger, Exception exception);
    }
}
