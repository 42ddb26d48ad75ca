using Npgsql;
using Pandora.Core.Gate.Cache;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Gate.Ledger;

/// <summary>
/// Charges and logs checks, many in one commit. A check joins the batch in the making; while one batch is being flushed
/// the next one forms, so that an idle node answers at the latency of one commit and a busy one batches by itself.
/// </summary>
/// <remarks>
/// Checks of one counter take the same lane, so that two writers of a node do not wait for each other's row. A lane holds
/// a bounded number of waiting checks; further ones are refused at once. Nothing in a lane outlives the process: a check
/// that was not answered has, after a crash, either no effect or all of it.
/// </remarks>
internal sealed class LedgerLanes : IHostedService, IDisposable
{
    // With two writers one batch can be prepared while another is flushed.
    private const int LaneCount = 2;

    private readonly LaneQueue[] _lanes;
    private readonly LedgerWriter[] _writers;
    private readonly CancellationTokenSource _stopNow = new();
    private Task _running = Task.CompletedTask;

    public LedgerLanes(
        [FromKeyedServices(GateSetup.LanesDatabase)] NpgsqlDataSource database,
        KeyCache cache,
        UnknownKeyLog unknownKeys,
        TimeProvider time,
        NodeMeters meters,
        ILogger<LedgerLanes> logger)
    {
        _lanes = new LaneQueue[LaneCount];
        _writers = new LedgerWriter[LaneCount];
        for (var i = 0; i < LaneCount; i++)
        {
            _lanes[i] = new LaneQueue();
            _writers[i] = new LedgerWriter(_lanes[i], database, cache, unknownKeys, time, meters, logger);
        }
        meters.ShowWaiting(() => _lanes.Sum(lane => lane.Count));
        meters.ShowDirectory(() => cache.Refreshes, () => cache.Known, () => cache.Unknown);
    }

    /// <summary>Puts a check into its lane. It fails if too many wait there, or the node is stopping.</summary>
    public void Add(PendingCheck check)
    {
        // Where a check goes is a matter of speed alone: counters are locked in one order by whoever charges them. What is
        // not looked up yet goes by its key; what has an idempotency key too, so that its repetition comes behind it.
        var home = check.IdempotencyKey is null && check.Facts?.Counter is { } counter ? counter.Id : check.LookUp.GetHashCode();
        _lanes[(uint)home % LaneCount].Add(check);
    }

    public void Dispose() => _stopNow.Dispose();

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _running = Task.WhenAll(_writers.Select(writer => Task.Run(() => writer.RunAsync(_stopNow.Token), CancellationToken.None)));
        return Task.CompletedTask;
    }

    /// <summary>Answers what is still waiting, until <paramref name="cancellationToken"/> says that time is up.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var lane in _lanes)
        {
            lane.Close();
        }
        await using var stopNow = cancellationToken.UnsafeRegister(
            static state => ((CancellationTokenSource)state!).Cancel(), _stopNow);
        await _running;
    }
}
