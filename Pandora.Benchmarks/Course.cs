using System.Globalization;
using Pandora.Benchmarks.Database;
using Pandora.Benchmarks.Report;
using Pandora.Benchmarks.Servers;

namespace Pandora.Benchmarks;

/// <summary>The processes that stay from the first load to the last.</summary>
/// <param name="Pipeline">The ceiling once more, through the pipeline of ASP.NET Core.</param>
/// <param name="Sink">Takes the telemetry of nodes that export it.</param>
internal sealed record Processes(
    MeasuredServer Node, MeasuredServer Ceiling, MeasuredServer Pipeline, MeasuredServer Sink, Child Generator);

/// <summary>What a run goes through: every scenario on the same nodes, or one scenario on many pairs of nodes.</summary>
internal sealed class Course(Options options, Processes processes, BenchmarkDatabase database, KeyFiles keys, string folder)
{
    private const int LogSettlesMilliseconds = 500;

    // Each comes first once.
    private const int TurnsOfAPair = 2;

    public Results Results { get; } = new();

    public async Task RunAsync(CancellationToken ct)
    {
        if (options.TelemetryOnly)
        {
            for (var pair = 1; pair <= options.Rounds; pair++)
            {
                // What is compiled while it runs differs from start to start, by more than what is to be found out here.
                Benchmark.Say($"starting pair {pair} of {options.Rounds} …");
                await using var plain = await StartNodeAsync(exports: false, ct);
                await using var exporting = await StartNodeAsync(exports: true, ct);
                await MeasureAsync(options with { Rounds = TurnsOfAPair }, plain, exporting, ct);
            }
        }
        else
        {
            await using var exporting = await StartNodeAsync(exports: true, ct);
            await MeasureAsync(options, processes.Node, exporting, ct);
        }
        await ExpectExportsAsync(ct);
    }

    private async Task MeasureAsync(Options measured, MeasuredServer plain, MeasuredServer exporting, CancellationToken ct)
    {
        var rows = options.Connection is null ? await database.LogRowsAsync(ct) : 0;
        var cells = new CellRunner(measured, processes, plain, exporting, database, keys);
        await new Rounds(measured, cells, Results).RunAsync(ct);
        if (options.Connection is null)
        {
            await Task.Delay(LogSettlesMilliseconds, ct);
            await cells.CheckLogAsync(rows, ct);
        }
    }

    /// <summary>On the same database. Metrics go out every 5 s instead of every 60, so that each load pays for an export.</summary>
    private Task<MeasuredServer> StartNodeAsync(bool exports, CancellationToken ct) => MeasuredServer.StartAsync(
        "node",
        ct,
        ("PANDORA_DIR", Path.Combine(folder, exports ? "exporting" : "plain")),
        ("ConnectionStrings__pandora", processes.Node.ConnectionString),
        ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", exports ? string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{processes.Sink.Port}") : ""));

    private async Task ExpectExportsAsync(CancellationToken ct)
    {
        var exports = await processes.Sink.ExportsAsync(ct);
        if (exports.Contains(0))
        {
            throw new BenchmarkException($"Telemetry was on, but of spans, metrics and log lines came {string.Join(", ", exports)} exports.");
        }
    }
}
