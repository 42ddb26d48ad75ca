using System.Globalization;
using System.Text.Json;
using Pandora.Benchmarks.Database;
using Pandora.Benchmarks.Load;
using Pandora.Benchmarks.Machine;
using Pandora.Benchmarks.Report;
using Pandora.Benchmarks.Servers;

namespace Pandora.Benchmarks;

/// <summary>
/// Makes one load, and reads all meters before and after it. A load that was not answered as it should be ends the run:
/// each answer must be "valid", and the books must show what was taken, so that nothing that fails can look fast.
/// </summary>
internal sealed class CellRunner(
    Options options,
    Processes processes,
    MeasuredServer node,
    MeasuredServer exporter,
    BenchmarkDatabase database,
    KeyFiles keys)
{
    private const double MicrosecondsPerSecond = 1_000_000;
    private const int Unimplemented = 12;

    // The use of a key is noted once in 30 s. Keys that rested since the round before would all have it noted in the
    // seconds that count, instead of a few at a time as in a load that goes on.
    private const double SpreadWarmUpSeconds = 5;

    /// <summary>The node takes back what it granted to callers who hung up, within about a second.</summary>
    private static readonly TimeSpan TakingBack = TimeSpan.FromSeconds(2);

    private long _rowsAdded;

    private bool BooksAreOurs => options.Connection is null;

    /// <summary>Lets the processes compile what they will run. False: the server does not know this scenario.</summary>
    public async Task<bool> WarmUpAsync(Scenario scenario, double seconds, CancellationToken ct)
    {
        var concurrency = scenario.Has(Concurrency.Many) ? Concurrency.Many : Concurrency.Single;
        var before = await ReadAsync(scenario, ct);
        var result = await LoadAsync(Job(scenario, concurrency, null) with { Seconds = seconds }, ct);
        if (result.GrpcStatus == Unimplemented)
        {
            return false;
        }
        Accept(scenario, result);
        var after = await ReadAsync(scenario, ct);
        if (BooksAreOurs && scenario.Quantity > 1 && before.Units - after.Units == result.AllCalls)
        {
            return false; // the field was not read
        }
        CheckBooks(scenario, result, before, after);
        return true;
    }

    /// <param name="callsPerSecond">Null: closed loop.</param>
    public async Task<Measurement> RunAsync(Scenario scenario, Concurrency concurrency, double? callsPerSecond, CancellationToken ct)
    {
        var before = await ReadAsync(scenario, ct);
        var result = await LoadAsync(Job(scenario, concurrency, callsPerSecond), ct);
        Accept(scenario, result);
        var after = await ReadAsync(scenario, ct);
        CheckBooks(scenario, result, before, after);
        if (result.Calls == 0)
        {
            throw new BenchmarkException($"{scenario.Name}: no call was answered in time.");
        }
        return new Measurement
        {
            CallsPerSecond = result.CallsPerSecond,
            Latencies = result.Latencies,
            AllocatedBytes = (after.Allocated - before.Allocated) / result.AllCalls,
            ServerMicroseconds = PerCall(before.ServerCpu, after.ServerCpu),
            PostgresMicroseconds = PerCall(before.PostgresCpu, after.PostgresCpu),
            GeneratorMicroseconds = PerCall(before.GeneratorCpu, after.GeneratorCpu),
            LogBytes = scenario.IsCeiling ? null : (double)(after.LogBytes - before.LogBytes) / result.AllCalls,
        };

        double? PerCall(double? start, double? end) => (end - start) * MicrosecondsPerSecond / result.AllCalls;
    }

    /// <summary>The same load by the other generator. It sees the HTTP status alone; the books tell of the rest.</summary>
    public async Task<Measurement> RunByH2LoadAsync(Scenario scenario, Concurrency concurrency, CancellationToken ct)
    {
        var before = await ReadAsync(scenario, ct);
        var rate = await H2Load.RunAsync(
            ServerOf(scenario)!.Port, CallPath.Of(scenario.Kind).Path, keys.Body, concurrency, options, ct);
        await Task.Delay(TakingBack, ct);
        var after = await ReadAsync(scenario, ct);
        var taken = before.Units - after.Units;
        if (BooksAreOurs && scenario.Consumes && (double)taken < rate * options.Seconds)
        {
            throw new BenchmarkException($"{scenario.Name} by h2load: {rate * options.Seconds:0} calls were answered, {taken} units are gone.");
        }
        _rowsAdded += scenario.Consumes ? (long)taken : 0;
        return new Measurement { CallsPerSecond = rate };
    }

    /// <summary>Every call that was answered has its row in the log, and no other row is there.</summary>
    /// <param name="rowsBefore">When the first call was made.</param>
    public async Task CheckLogAsync(long rowsBefore, CancellationToken ct)
    {
        var added = await database.LogRowsAsync(ct) - rowsBefore;
        if (added != _rowsAdded)
        {
            throw new BenchmarkException($"{_rowsAdded} calls were answered, {added} rows are in the log.");
        }
    }

    private LoadJob Job(Scenario scenario, Concurrency concurrency, double? callsPerSecond) => new()
    {
        Kind = scenario.Kind,
        Port = ServerOf(scenario)?.Port ?? 0,
        ConnectionString = scenario.Target == Target.Database ? node.ConnectionString : null,
        KeysFile = scenario.Target == Target.Database ? keys.Second : keys.All,
        Keys = scenario.Keys,
        Quantity = scenario.Quantity,
        Connections = concurrency.Connections,
        InFlight = concurrency.InFlight,
        CallsPerSecond = callsPerSecond,
        WarmUpSeconds = scenario.Keys == KeyChoice.One || options.Quick ? options.WarmUpSeconds : SpreadWarmUpSeconds,
        Seconds = options.Seconds,
    };

    private async Task<LoadResult> LoadAsync(LoadJob job, CancellationToken ct) =>
        JsonSerializer.Deserialize<LoadResult>(await processes.Generator.AskAsync(JsonSerializer.Serialize(job), ct))!;

    private void Accept(Scenario scenario, LoadResult result)
    {
        if (result.Fault is { } fault)
        {
            throw new BenchmarkException($"{scenario.Name}: {fault}");
        }
        _rowsAdded += scenario.IsCeiling ? 0 : result.AllCalls;
    }

    private void CheckBooks(Scenario scenario, LoadResult result, Meters before, Meters after)
    {
        var expected = scenario.Consumes ? result.AllCalls * scenario.Quantity : 0;
        if (BooksAreOurs && before.Units - after.Units != expected)
        {
            throw new BenchmarkException(string.Create(
                CultureInfo.InvariantCulture,
                $"{scenario.Name}: answered calls took {expected} units, the counters say {before.Units - after.Units}."));
        }
    }

    private async Task<Meters> ReadAsync(Scenario scenario, CancellationToken ct)
    {
        var server = ServerOf(scenario);
        return new Meters(
            server is null ? null : await server.AllocatedBytesAsync(ct),
            server is null ? null : ProcessFigures.CpuSeconds(server.Pid),
            scenario.IsCeiling ? null : database.CpuSeconds(),
            ProcessFigures.CpuSeconds(processes.Generator.Pid),
            BooksAreOurs ? await database.AvailableUnitsAsync(ct) : 0,
            await database.LogBytesAsync(ct));
    }

    private MeasuredServer? ServerOf(Scenario scenario) => scenario.Target switch
    {
        Target.Ceiling => processes.Ceiling,
        Target.Pipeline => processes.Pipeline,
        Target.Node => node,
        Target.Exporter => exporter,
        _ => null,
    };

    /// <summary>What is read before and after a load; processor times in seconds.</summary>
    private sealed record Meters(
        double? Allocated, double? ServerCpu, double? PostgresCpu, double GeneratorCpu, decimal Units, long LogBytes);
}
