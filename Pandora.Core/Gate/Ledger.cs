using System.Threading.Channels;
using Npgsql;

namespace Pandora.Core.Gate;

/// <summary>
/// Charges and logs checks, many in one commit. A check joins the batch in the making; while one batch is being flushed
/// the next one forms, so that an idle node answers at the latency of one commit and a busy one batches by itself.
/// </summary>
/// <remarks>
/// Checks of one key and service always take the same lane, in the order they came. A lane holds at most
/// <see cref="LaneCapacity"/> waiting checks; further ones are refused at once. Nothing in a lane outlives the process:
/// a check that was not answered has, after a crash, either no effect or all of it.
/// </remarks>
internal sealed class Ledger : IHostedService, IDisposable
{
    // Two writers keep one batch in preparation while another is flushed; more would only queue on the same rows.
    private const int LaneCount = 2;
    private const int LaneCapacity = 8_192;

    private readonly Channel<PendingCheck>[] _lanes;
    private readonly LedgerWriter[] _writers;
    private readonly CancellationTokenSource _stopNow = new();
    private Task _running = Task.CompletedTask;

    public Ledger(GateDataSource database, TimeProvider time, ILogger<Ledger> logger)
    {
        _lanes = new Channel<PendingCheck>[LaneCount];
        _writers = new LedgerWriter[LaneCount];
        for (var i = 0; i < LaneCount; i++)
        {
            _lanes[i] = Channel.CreateBounded<PendingCheck>(new BoundedChannelOptions(LaneCapacity) { SingleReader = true });
            _writers[i] = new LedgerWriter(_lanes[i].Reader, database.Value, time, logger);
        }
    }

    /// <summary>Puts a check into its lane; its task completes with the answer.</summary>
    /// <exception cref="GateUnavailableException">The lane is full, or the node is stopping.</exception>
    public void Add(PendingCheck check)
    {
        var lane = _lanes[(uint)check.LookUp.GetHashCode() % LaneCount];
        if (!lane.Writer.TryWrite(check))
        {
            throw new GateUnavailableException("Too many checks are waiting for the database.");
        }
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
            lane.Writer.TryComplete();
        }
        await using var stopNow = cancellationToken.UnsafeRegister(
            static state => ((CancellationTokenSource)state!).Cancel(), _stopNow);
        await _running;
    }
}

/// <summary>The connections of the gate, apart from those of the administration; closed with the node.</summary>
internal sealed class GateDataSource(NpgsqlDataSource value) : IDisposable, IAsyncDisposable
{
    public NpgsqlDataSource Value => value;

    public void Dispose() => value.Dispose();

    public ValueTask DisposeAsync() => value.DisposeAsync();
}
