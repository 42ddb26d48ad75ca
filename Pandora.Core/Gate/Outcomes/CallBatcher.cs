using Npgsql;
using Pandora.Core.Errors;

namespace Pandora.Core.Gate.Outcomes;

/// <summary>
/// Batches calls: those that wait at the same time share a round trip and a flush. While one group is with the database,
/// the next one forms.
/// </summary>
/// <param name="run">
/// Settles a group in one transaction and returns an outcome for each of its calls, in their order. No two calls of a group
/// are about the same id.
/// </param>
internal sealed partial class CallBatcher<TCall, TOutcome>(
    Func<List<TCall>, CancellationToken, Task<TOutcome[]>> run, ILogger logger)
{
    private const int LargestGroup = 256;
    private const int Capacity = 16_384;

    // Calls of one id wait for each other; so many are looked through for others that need not.
    private const int LookedThrough = 4 * LargestGroup;

    // Of a group that was refused. The connections are few.
    private const int AloneAtOnce = 4;

    // Callers learn within 5 s that the database is unavailable.
    private static readonly TimeSpan GroupLimit = TimeSpan.FromSeconds(4);

    private readonly Lock _lock = new();
    private readonly List<Waiting> _waiting = [];
    private bool _isServing;

    /// <summary>How many calls wait for their group, those whose callers gave up meanwhile included.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>Returns once the call's effect is committed. It may still be committed for a caller who gave up.</summary>
    /// <exception cref="GateUnavailableException">Too many wait, or the database did not answer.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async ValueTask<TOutcome> RunAsync(Guid id, TCall call, CancellationToken ct)
    {
        var waiting = new Waiting(id, call);
        lock (_lock)
        {
            if (_waiting.Count >= Capacity)
            {
                throw new GateUnavailableException("Too many calls are waiting for the database.", GateUnavailableException.QueueFull);
            }
            _waiting.Add(waiting);
            if (!_isServing)
            {
                _isServing = true;
                ThreadPool.UnsafeQueueUserWorkItem(static groups => _ = groups.ServeAsync(), this, preferLocal: false);
            }
        }
        await using var giveUp = ct.UnsafeRegister(
            static (state, token) => ((Waiting)state!).Outcome.TrySetCanceled(token), waiting);
        return await waiting.Outcome.Task;
    }

    private async Task ServeAsync()
    {
        while (Take() is { } group)
        {
            try
            {
                await ServeAsync(group);
            }
            catch (Exception)
            {
                // Only the log can have failed, and there is nobody left to tell. Who waits is served all the same.
            }
        }
    }

    private async Task ServeAsync(List<Waiting> group)
    {
        using var limit = new CancellationTokenSource(GroupLimit);
        try
        {
            await SettleAsync(group, limit.Token);
        }
        catch (Exception e)
        {
            // What waits behind this group would only wait as long again. Later callers are not among them.
            group.AddRange(TakeAll());
            Fail(group, new GateUnavailableException("The database did not answer in time.", GateUnavailableException.Database, e));
            Log.Unavailable(logger, e.GetType().Name, e.Message);
        }
    }

    private async Task SettleAsync(List<Waiting> group, CancellationToken limit)
    {
        try
        {
            await RunAsync(group, limit);
        }
        catch (PostgresException e) when (DatabaseFaults.IsRefusal(e) && group.Count > 1)
        {
            // Nothing is committed; one call that the database refuses, or whose rows are locked, must not fail the others.
            Log.GroupSplit(logger, group.Count, e.SqlState, e.MessageText);
            await Parallel.ForEachAsync(
                group,
                new ParallelOptions { MaxDegreeOfParallelism = AloneAtOnce, CancellationToken = limit },
                async (waiting, _) => await SettleAsync([waiting], limit));
        }
        catch (Exception e) when (DatabaseFaults.IsRefusal(e) || (!limit.IsCancellationRequested && !DatabaseFaults.IsUnavailable(e)))
        {
            Fail(group, e);
        }
    }

    private async Task RunAsync(List<Waiting> group, CancellationToken limit)
    {
        // Waited for no longer than the limit, even if the driver does: a server that is stopped but not gone does not hear
        // its request to cancel.
        var outcomes = await run(group.ConvertAll(waiting => waiting.Call), limit).WaitAsync(limit);
        for (var i = 0; i < outcomes.Length; i++)
        {
            group[i].Outcome.TrySetResult(outcomes[i]);
        }
    }

    /// <summary>Null: nobody waits, and whoever comes next has to begin again.</summary>
    private List<Waiting>? Take()
    {
        lock (_lock)
        {
            _waiting.RemoveAll(waiting => waiting.Outcome.Task.IsCompleted);
            if (_waiting.Count == 0)
            {
                _isServing = false;
                return null;
            }
            var (group, later, ids) = (new List<Waiting>(), new List<Waiting>(), new HashSet<Guid>());
            var seen = 0;
            for (; seen < Math.Min(_waiting.Count, LookedThrough) && group.Count < LargestGroup; seen++)
            {
                (ids.Add(_waiting[seen].Id) ? group : later).Add(_waiting[seen]);
            }
            _waiting.RemoveRange(0, seen);
            _waiting.AddRange(later); // behind the others, whom they would keep waiting
            return group;
        }
    }

    private List<Waiting> TakeAll()
    {
        lock (_lock)
        {
            List<Waiting> all = [.. _waiting];
            _waiting.Clear();
            return all;
        }
    }

    private static void Fail(List<Waiting> calls, Exception fault)
    {
        foreach (var waiting in calls)
        {
            waiting.Outcome.TrySetException(fault);
        }
    }

    private sealed record Waiting(Guid Id, TCall Call)
    {
        public TaskCompletionSource<TOutcome> Outcome { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private static partial class Log
    {
        [LoggerMessage(4010, LogLevel.Warning, "Reports or settlements refused: the database is not available ({Type}: {Message})")]
        public static partial void Unavailable(ILogger logger, string type, string message);

        [LoggerMessage(4011, LogLevel.Information, "A group of {Count} calls was refused by the database ({State}: {Message}); each is tried alone")]
        public static partial void GroupSplit(ILogger logger, int count, string state, string message);
    }
}
