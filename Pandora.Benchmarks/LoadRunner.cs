using System.Globalization;
using System.Text.Json;
using Pandora.Benchmarks.Load;
using Pandora.Benchmarks.Machine;
using Pandora.Benchmarks.Report;
using Pandora.Benchmarks.Servers;

namespace Pandora.Benchmarks;

/// <summary>
/// Makes one load, and reads all meters before and after it. A load that was not answered as it should be ends the run:
/// each answer must be "valid", and the books must show what was taken, so that nothing that fails can look fast.
/// </summary>
internal sealed class LoadRunner(Options options, TestBed bed)
{
    private const double MicrosecondsPerSecond = 1_000_000;
    private const int Unimplemented = 12;

    // The use of a key is noted once in 30 s. Keys that rested since the round before would all have it noted in the
    // seconds that count, instead of a few at a time as in a load that goes on.
    private const double SpreadWarmUpSeconds = 5;

    /// <summary>The node takes back what it granted to callers who hung up, within about a second.</summary>
    private static readonly TimeSpan TakingBack = TimeSpan.FromSeconds(2);

    /// <summary>Lets the processes compile what they will run. False: the server does not know this scenario.</summary>
    public async Task<bool> WarmUpAsync(Scenario scenario, double seconds, CancellationToken ct)
    {
        var before = await ReadAsync(scenario, ct);
        var result = await LoadAsync(Job(scenario, Concurrency.Many, null) with { Seconds = seconds }, ct);
        if (result.GrpcStatus == Unimplemented)
        {
            return false;
        }
        Accept(scenario, result);
        var after = await ReadAsync(scenario, ct);
        if (scenario.Quantity > 1 && before.Units - after.Units == result.AllCalls)
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
            DatabaseMicroseconds = PerCall(before.DatabaseCpu, after.DatabaseCpu),
            GeneratorMicroseconds = PerCall(before.GeneratorCpu, after.GeneratorCpu),
            LogBytes = (double?)(after.LogBytes - before.LogBytes) / result.AllCalls,
        };

        double? PerCall(double? start, double? end) => (end - start) * MicrosecondsPerSecond / result.AllCalls;
    }

    /// <summary>The same load by the other generator. It sees the HTTP status alone; the books tell of the rest.</summary>
    public async Task<Measurement> RunByH2LoadAsync(Scenario scenario, Concurrency concurrency, CancellationToken ct)
    {
        var before = await ReadAsync(scenario, ct);
        var rate = await H2Load.RunAsync(
            bed.ServerOf(scenario.Target)!.Port, CallPath.Of(scenario.Kind).Path, bed.BodyFile, concurrency, options, ct);
        await Task.Delay(TakingBack, ct);
        var after = await ReadAsync(scenario, ct);
        if (before.Units - after.Units is { } taken)
        {
            if ((double)taken < rate * options.Seconds)
            {
                throw new BenchmarkException($"{scenario.Name} by h2load: {rate * options.Seconds:0} calls were answered, {taken} units are gone.");
            }
            bed.DatabaseOf(scenario.Target)?.ExpectRows((long)taken);
        }
        return new Measurement { CallsPerSecond = rate };
    }

    private LoadJob Job(Scenario scenario, Concurrency concurrency, double? callsPerSecond) => new()
    {
        Kind = scenario.Kind,
        Port = bed.ServerOf(scenario.Target)?.Port ?? 0,
        ConnectionString = scenario.Target == Target.Sql ? bed.DatabaseOf(Target.Sql)!.ConnectionString : null,
        KeysFile = bed.KeysFile,
        Keys = scenario.Keys,
        Quantity = scenario.Quantity,
        Connections = concurrency.Connections,
        InFlight = concurrency.InFlight,
        CallsPerSecond = callsPerSecond,
        WarmUpSeconds = scenario.Keys == KeyChoice.One || scenario.Target is Target.Sql or Target.Redis || options.Quick
            ? options.WarmUpSeconds
            : SpreadWarmUpSeconds,
        Seconds = options.Seconds,
    };

    private async Task<LoadResult> LoadAsync(LoadJob job, CancellationToken ct) =>
        JsonSerializer.Deserialize<LoadResult>(await bed.Generator.AskAsync(JsonSerializer.Serialize(job), ct))!;

    private void Accept(Scenario scenario, LoadResult result)
    {
        if (result.Fault is { } fault)
        {
            throw new BenchmarkException($"{scenario.Name}: {fault}");
        }
        bed.DatabaseOf(scenario.Target)?.ExpectRows(result.AllCalls);
    }

    private static void CheckBooks(Scenario scenario, LoadResult result, Meters before, Meters after)
    {
        var units = scenario.Consumes ? result.AllCalls * scenario.Quantity : 0;
        if ((before.Units - after.Units) is { } taken && taken != units)
        {
            throw Wrong(string.Create(CultureInfo.InvariantCulture, $"took {units} units, the counters say {taken}"));
        }
        if ((after.Entries - before.Entries) is { } entries && entries != result.AllCalls)
        {
            throw Wrong(string.Create(CultureInfo.InvariantCulture, $"were {result.AllCalls}, the log has {entries} more"));
        }

        BenchmarkException Wrong(string what) => new($"{scenario.Name}: answered calls {what}.");
    }

    private async Task<Meters> ReadAsync(Scenario scenario, CancellationToken ct)
    {
        var server = bed.ServerOf(scenario.Target);
        var meters = new Meters
        {
            Allocated = server is null ? null : await server.AllocatedBytesAsync(ct),
            ServerCpu = server is null ? null : ProcessFigures.CpuSeconds(server.Pid),
            GeneratorCpu = ProcessFigures.CpuSeconds(bed.Generator.Pid),
        };
        if (server?.StorePid is { } store)
        {
            var books = await server.NumbersAsync(RedisServer.AskBooks, ct);
            return meters with { DatabaseCpu = ProcessFigures.CpuSeconds(store), Units = books[0], Entries = books[1] };
        }
        return bed.DatabaseOf(scenario.Target) is { } database
            ? meters with
            {
                DatabaseCpu = database.CpuSeconds(),
                Units = database.IsOurs ? await database.AvailableUnitsAsync(ct) : null,
                LogBytes = await database.LogBytesAsync(ct),
            }
            : meters;
    }

    /// <summary>What is read before and after a load; processor times in seconds. Null: nobody can tell.</summary>
    private sealed record Meters
    {
        public long? Allocated { get; init; }

        public double? ServerCpu { get; init; }

        public double? DatabaseCpu { get; init; }

        public required double GeneratorCpu { get; init; }

        /// <summary>Left in all counters.</summary>
        public decimal? Units { get; init; }

        /// <summary>Of the log in Redis; PostgreSQL's is counted at the end, because that takes a while.</summary>
        public long? Entries { get; init; }

        public long? LogBytes { get; init; }
    }
}
