using System.Globalization;
using Pandora.Benchmarks.Machine;
using Pandora.Benchmarks.Report;

namespace Pandora.Benchmarks;

/// <summary>
/// Goes through all scenarios again and again. What is compared is measured in turns, a few seconds apart, so that what
/// else the machine does weighs on both sides of a ratio.
/// </summary>
internal sealed class Schedule(Options options, TestBed bed, Results results)
{
    private const double WarmUpSeconds = 3;
    private const double QuickWarmUpSeconds = 1;

    // What is compared closely must have been compiled to the end on both sides.
    private const double LongWarmUpSeconds = 20;

    private readonly LoadRunner _loads = new(options, bed);

    public async Task RunAsync(CancellationToken ct)
    {
        if (options.Pairs)
        {
            await RunPairsAsync(ct);
        }
        else
        {
            await RunAllAsync(ct);
        }
        foreach (var database in bed.Databases)
        {
            await database.CheckLogAsync(ct);
        }
        var exports = await bed.Sink.NumbersAsync(Servers.SinkServer.AskExports, ct);
        if (exports.Contains(0))
        {
            throw new BenchmarkException($"Telemetry was on, but of spans, metrics and log lines came {string.Join(", ", exports)} exports.");
        }
    }

    /// <summary>
    /// What is compiled while a node runs differs from start to start, by more than what is to be found out here. So nodes
    /// are started anew in each round, and each comes first as often as last.
    /// </summary>
    private async Task RunPairsAsync(CancellationToken ct)
    {
        for (var round = 1; round <= options.Rounds; round++)
        {
            if (round > 1)
            {
                await bed.RestartNodesAsync(ct);
            }
            var scenarios = await WarmUpAsync(options.Quick ? QuickWarmUpSeconds : LongWarmUpSeconds, ct);
            foreach (var scenario in scenarios.Concat(Enumerable.Reverse(scenarios)))
            {
                foreach (var concurrency in new[] { Concurrency.Single, Concurrency.Many }.Where(scenario.Has))
                {
                    await MeasureAsync(round, scenario, concurrency, ct);
                }
            }
        }
    }

    private async Task RunAllAsync(CancellationToken ct)
    {
        var scenarios = await WarmUpAsync(options.Quick ? QuickWarmUpSeconds : WarmUpSeconds, ct);
        var h2load = await H2Load.VersionAsync(ct);
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var concurrency in Concurrency.All)
            {
                foreach (var scenario in scenarios.Where(scenario => scenario.Has(concurrency)))
                {
                    await MeasureAsync(round, scenario, concurrency, ct);
                }
                if (h2load is not null && concurrency == Concurrency.Many)
                {
                    await CompareAsync(Scenario.Ceiling, h2load, ct);
                    await CompareAsync(Scenario.Pipeline, h2load, ct);
                    await CompareAsync(Scenario.Consume, h2load, ct);
                }
            }
        }
    }

    private IEnumerable<Scenario> Scenarios()
    {
        Target[] nodes = [Target.Node, Target.Exporter, Target.OtherBuild, Target.OtherPostgres];
        Scenario[] all = options.Pairs
            ? [.. nodes.Select(Scenario.OneKey), .. nodes.Except([Target.Exporter]).Select(node => Scenario.Uniform(options.Keys, node))]
            :
            [
                Scenario.Ceiling,
                Scenario.Pipeline,
                Scenario.Validate,
                .. nodes.Concat([Target.Sql, Target.Redis]).Select(Scenario.OneKey),
                .. nodes.Except([Target.Exporter]).Concat([Target.Sql, Target.Redis]).Select(target => Scenario.Uniform(options.Keys, target)),
                Scenario.Zipf(options.Keys),
                Scenario.Quantities,
                Scenario.Reserve,
            ];
        return all.Where(scenario => bed.Has(scenario.Target));
    }

    private async Task<List<Scenario>> WarmUpAsync(double seconds, CancellationToken ct)
    {
        var known = new List<Scenario>();
        foreach (var scenario in Scenarios())
        {
            Benchmark.Say($"warming up: {scenario.Name}");
            if (await _loads.WarmUpAsync(scenario, seconds, ct))
            {
                known.Add(scenario);
            }
            else if (!results.Missing.Contains(scenario))
            {
                results.Missing.Add(scenario);
            }
        }
        return known;
    }

    private async Task MeasureAsync(int round, Scenario scenario, Concurrency concurrency, CancellationToken ct)
    {
        double? rate = concurrency.IsHalf ? results.Last(scenario, Concurrency.Many).CallsPerSecond / 2 : null;
        var measurement = await _loads.RunAsync(scenario, concurrency, rate, ct);
        results.Add(Results.Key(scenario, concurrency), measurement);
        Benchmark.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"{round}/{options.Rounds}  {scenario.Name}, {concurrency.Name}: {measurement.CallsPerSecond:0} calls/s, p50 {measurement.Latencies?.P50:0.00} ms, p99 {measurement.Latencies?.P99:0.00} ms, server {measurement.ServerMicroseconds:0.00} µs"));
    }

    private async Task CompareAsync(Scenario scenario, string h2load, CancellationToken ct)
    {
        var row = new RowKey($"{scenario.Name} (by {h2load})", Concurrency.Many.Name);
        results.Add(row, await _loads.RunByH2LoadAsync(scenario, Concurrency.Many, ct));
    }
}
