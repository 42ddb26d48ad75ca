using System.Threading.Channels;
using Npgsql;
using Pandora.Core.Errors;

namespace Pandora.Core.Gate;

/// <summary>Works through one lane of the ledger, a batch at a time, on a connection of its own.</summary>
internal sealed partial class LedgerWriter(
    Channel<PendingCheck> channel, NpgsqlDataSource dataSource, TimeProvider time, ILogger logger)
{
    private const int MaxBatch = 256;

    // A caller hears within 5 s that the database is away; the rest is for what waits in the lane behind this batch.
    private static readonly TimeSpan BatchLimit = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan SettleLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SettlePause = TimeSpan.FromSeconds(1);

    private readonly ChannelReader<PendingCheck> _lane = channel.Reader;
    private readonly List<PendingCheck> _batch = new(MaxBatch);
    private readonly Queue<Unsettled> _unsettled = [];
    private readonly LaneConnection _connection = new(dataSource, logger);
    private BatchRun _run = new();

    /// <summary>Runs until the lane is completed and empty, or <paramref name="stopNow"/>.</summary>
    public async Task RunAsync(CancellationToken stopNow)
    {
        try
        {
            while (await HasWorkAsync(stopNow))
            {
                await SettleAsync(stopNow);
                await ServeBatchAsync(stopNow);
            }
            await SettleAsync(stopNow);
        }
        catch (OperationCanceledException) when (stopNow.IsCancellationRequested)
        {
            // Time is up: what waits is ended below.
        }
        finally
        {
            // Whatever ended the loop: a lane that nobody works through must take no more checks.
            channel.Writer.TryComplete();
            FailLane(new GateUnavailableException("The node is stopping."));
            DropConnection();
            if (_unsettled.Count > 0)
            {
                Log.NeverSettled(logger, _unsettled.Sum(batch => batch.Decisions.Count));
            }
        }
    }

    /// <summary>False: the lane is completed and empty.</summary>
    private async ValueTask<bool> HasWorkAsync(CancellationToken stopNow)
    {
        if (_unsettled.Count == 0)
        {
            return await _lane.WaitToReadAsync(stopNow);
        }
        using var pause = CancellationTokenSource.CreateLinkedTokenSource(stopNow);
        pause.CancelAfter(SettlePause);
        try
        {
            return await _lane.WaitToReadAsync(pause.Token);
        }
        catch (OperationCanceledException) when (!stopNow.IsCancellationRequested)
        {
            return true;
        }
    }

    private async Task ServeBatchAsync(CancellationToken stopNow)
    {
        _batch.Clear();
        while (_batch.Count < MaxBatch && _lane.TryRead(out var check))
        {
            if (!check.IsEnded)
            {
                _batch.Add(check);
            }
        }
        if (_batch.Count == 0)
        {
            return;
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopNow);
        limit.CancelAfter(BatchLimit);
        try
        {
            await CommitAsync(_batch, limit.Token);
        }
        catch (Exception e) when (IsUnavailable(e, limit.Token))
        {
            FailAll(_batch, e);
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
            FailAll(checks, e);
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

    /// <summary>Commits and answers, trying again on a new connection as long as it is certain that nothing was committed.</summary>
    private async Task CommitAsync(List<PendingCheck> checks, CancellationToken ct)
    {
        for (var committed = false; !committed;)
        {
            var now = Now();
            var attempt = checks.FindAll(check => !check.IsEnded);
            if (attempt.Count == 0)
            {
                return; // nobody waits any more
            }
            string? sentIn = null;
            try
            {
                var connection = await ConnectAsync(ct);
                await InTime(_run.DecideAsync(connection, attempt, now, ct), ct);
                sentIn = _run.TransactionId;
                await InTime(_run.CommitAsync(connection, attempt, now, ct), ct);
                committed = true;
            }
            catch (Exception e)
            {
                DropConnection();
                if (sentIn is not null)
                {
                    committed = await WasCommittedAsync(Unsettled.Of(attempt, now) with { TransactionId = sentIn }, ct);
                }
                if (!committed && !DatabaseFaults.IsUnavailable(e))
                {
                    throw;
                }
                if (!committed)
                {
                    Log.BatchRetried(logger, e.GetType().Name, e.Message);
                    await Task.Delay(RetryPause, ct);
                }
            }
            if (committed)
            {
                Answer(attempt, now);
            }
        }
    }

    private void Answer(List<PendingCheck> checks, DateTimeOffset committedAt)
    {
        List<PendingCheck>? unheard = null;
        foreach (var check in checks)
        {
            if (!check.TryAnswer())
            {
                (unheard ??= []).Add(check);
            }
        }
        if (unheard is not null)
        {
            _unsettled.Enqueue(Unsettled.Of(unheard, committedAt));
        }
    }

    /// <summary>
    /// Finds out how a transaction ended whose connection broke during the commit. If that cannot be known in time, the
    /// batch is set aside, to be taken back should it turn out to be committed.
    /// </summary>
    private async Task<bool> WasCommittedAsync(Unsettled batch, CancellationToken ct)
    {
        if (batch.Decisions.Count == 0)
        {
            return false; // and does not matter
        }
        try
        {
            while (true)
            {
                if (await AskAsync() is { } committed)
                {
                    return committed;
                }
                await Task.Delay(RetryPause, ct);
            }
        }
        catch
        {
            DropConnection();
            _unsettled.Enqueue(batch);
            throw;
        }

        async Task<bool?> AskAsync()
        {
            try
            {
                return await AskAboutAsync(batch, ct);
            }
            catch (Exception e) when (DatabaseFaults.IsUnavailable(e))
            {
                DropConnection();
                return null;
            }
        }
    }

    private async Task<bool?> AskAboutAsync(Unsettled batch, CancellationToken ct) =>
        await InTime(
            BatchRun.WasCommittedAsync(await ConnectAsync(ct), batch.TransactionId!, batch.Decisions[0].RequestId, ct), ct);

    /// <summary>
    /// Takes back what was committed without anybody being told. What fails now is tried again later; nothing that goes
    /// wrong here may end the lane.
    /// </summary>
    private async Task SettleAsync(CancellationToken stopNow)
    {
        if (_unsettled.Count == 0)
        {
            return;
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopNow);
        limit.CancelAfter(SettleLimit);
        try
        {
            while (_unsettled.TryPeek(out var batch))
            {
                if (batch.TransactionId is not null && await AskAboutAsync(batch, limit.Token) is null)
                {
                    return;
                }
                var undone = await InTime(
                    _run.UndoAsync(await ConnectAsync(limit.Token), batch.Decisions, batch.CommittedAt, Now(), limit.Token), limit.Token);
                _unsettled.Dequeue();
                Log.TakenBack(logger, undone, batch.Decisions.Count);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException || !stopNow.IsCancellationRequested)
        {
            DropConnection();
            Log.TakeBackDelayed(logger, _unsettled.Count, e.GetType().Name, e.Message);
        }
    }

    private DateTimeOffset Now()
    {
        var now = time.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    /// <summary>The lane waited behind this batch and would only wait as long again.</summary>
    private void FailAll(List<PendingCheck> checks, Exception cause)
    {
        Log.DatabaseUnavailable(logger, cause.GetType().Name, cause.Message);
        var fault = new GateUnavailableException("The database did not answer in time.", cause);
        FailBatch(checks, fault);
        FailLane(fault);
    }

    private void FailLane(Exception fault)
    {
        while (_lane.TryRead(out var check))
        {
            check.Fail(fault);
        }
    }

    private static void FailBatch(List<PendingCheck> checks, Exception fault)
    {
        foreach (var check in checks)
        {
            check.Fail(fault);
        }
    }

    private ValueTask<NpgsqlConnection> ConnectAsync(CancellationToken ct) => _connection.OpenAsync(ct);

    private Task<T> InTime<T>(Task<T> step, CancellationToken ct) => _connection.InTime(step, ct);

    private Task InTime(Task step, CancellationToken ct) => _connection.InTime(step, ct);

    /// <summary>The run may still be busy with the connection, so it is left behind too.</summary>
    private void DropConnection()
    {
        _connection.Drop();
        _run = new BatchRun();
    }

    private static bool IsUnavailable(Exception e, CancellationToken limit) =>
        e is GateUnavailableException
        || DatabaseFaults.IsUnavailable(e)
        || (e is OperationCanceledException && limit.IsCancellationRequested);

    /// <summary>
    /// Decisions that nobody was told of although they are, or may be, committed. A copy: the checks themselves may be
    /// decided anew.
    /// </summary>
    /// <param name="TransactionId">The transaction that may yet commit. Null: it has committed.</param>
    private sealed record Unsettled(string? TransactionId, List<Decision> Decisions, DateTimeOffset CommittedAt)
    {
        public static Unsettled Of(List<PendingCheck> checks, DateTimeOffset committedAt) =>
            new(null, checks.ConvertAll(check => check.Decision), committedAt);
    }

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

        [LoggerMessage(4005, LogLevel.Information, "{Undone} checks were taken back; {Count} callers had got no answer")]
        public static partial void TakenBack(ILogger logger, int undone, int count);

        [LoggerMessage(4008, LogLevel.Warning, "{Count} callers had got no answer; whether their checks were committed is left open at the end of the process")]
        public static partial void NeverSettled(ILogger logger, int count);

        [LoggerMessage(4006, LogLevel.Warning, "{Count} batches are yet to be settled ({Type}: {Message})")]
        public static partial void TakeBackDelayed(ILogger logger, int count, string type, string message);
    }
}
