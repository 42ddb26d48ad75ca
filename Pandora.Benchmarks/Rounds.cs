using System.Globalization;
using Pandora.Benchmarks.Machine;
using Pandora.Benchmarks.Report;

namespace Pandora.Benchmarks;

/// <summary>
/// Goes through all scenarios again and again. Ceiling and product are measured in turns, a few seconds apart, so that
/// what else the machine does weighs on both sides of a ratio.
/// </summary>
internal sealed class Rounds(Options options, CellRunner cells, Results results)
{
    private const double WarmUpSeconds = 3;
    private const double QuickWarmUpSeconds = 1;

    // What is compared closely must have been compiled to the end on both sides.
    private const double LongWarmUpSeconds = 25;

    public async Task RunAsync(CancellationToken ct)
    {
        var scenarios = await WarmUpAsync(ct);
        var h2load = options.TelemetryOnly ? null : await H2Load.VersionAsync(ct);
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var concurrency in options.TelemetryOnly ? [Concurrency.Many] : Concurrency.All)
            {
                foreach (var scenario in InTurns(round, scenarios).Where(scenario => scenario.Has(concurrency)))
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

    /// <summary>Of a pair that is to be compared closely, the other one comes first in each second round.</summary>
    private IEnumerable<Scenario> InTurns(int round, List<Scenario> scenarios) =>
        options.TelemetryOnly && round % 2 == 0 ? Enumerable.Reverse(scenarios) : scenarios;

    private async Task<List<Scenario>> WarmUpAsync(CancellationToken ct)
    {
        var known = new List<Scenario>();
        Scenario[] all = options.TelemetryOnly ? [Scenario.Consume, Scenario.Exported] :
        [
            Scenario.Ceiling,
            Scenario.Pipeline,
            Scenario.Validate,
            Scenario.Consume,
            Scenario.Exported,
            Scenario.Uniform(options.Keys),
            Scenario.Zipf(options.Keys),
            Scenario.Quantities,
            Scenario.Reserve,
            Scenario.Sequential,
        ];
        foreach (var scenario in all)
        {
            Benchmark.Say($"warming up: {scenario.Name}");
            var isKnown = await cells.WarmUpAsync(scenario, WarmUp(), ct);
            (isKnown ? known : results.Missing).Add(scenario);
        }
        return known;
    }

    private double WarmUp() =>
        options.Quick ? QuickWarmUpSeconds : options.TelemetryOnly ? LongWarmUpSeconds : WarmUpSeconds;

    private async Task MeasureAsync(int round, Scenario scenario, Concurrency concurrency, CancellationToken ct)
    {
        double? rate = concurrency.IsHalf ? results.Last(scenario, Concurrency.Many).CallsPerSecond / 2 : null;
        var measurement = await cells.RunAsync(scenario, concurrency, rate, ct);
        results.Add(Results.Key(scenario, concurrency), measurement);
        Benchmark.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"{round}/{options.Rounds}  {scenario.Name}, {concurrency.Name}: {measurement.CallsPerSecond:0} calls/s, p50 {measurement.Latencies?.P50:0.00} ms, p99 {measurement.Latencies?.P99:0.00} ms, server {measurement.ServerMicroseconds:0.00} µs"));
    }

    private async Task CompareAsync(Scenario scenario, string h2load, CancellationToken ct)
    {
        var row = new RowKey($"{scenario.Name} (by {h2load})", Concurrency.Many.Name);
        results.Add(row, await cells.RunByH2LoadAsync(scenario, Concurrency.Many, ct));
    }
}
