using System.Globalization;

namespace Pandora.Benchmarks.Report;

/// <summary>What the product is to reach, and whether it does.</summary>
internal static class Goals
{
    private const double HotOfCeiling = 0.40;
    private const double HotOfSequential = 40;
    private const double SpreadOfCeiling = 0.20;
    private const double WithTelemetry = 0.95;
    private const double FlushesOfQuietCaller = 3;
    private const double LogBytes = 250;
    private const long IdleMebibytes = 120;
    private const long LoadedMebibytes = 400;
    private const long BytesPerMebibyte = 1 << 20;

    public static string Table(RunReport report)
    {
        var rows = report.Options.TelemetryOnly ? OfTelemetry(report.Results) : OfAll(report);
        return MarkdownTable.Of(["What", "Goal", "Measured", "Held"], rows, firstNumber: 1);
    }

    private static List<IReadOnlyList<string>> OfTelemetry(Results results) =>
    [
        AtLeast(
            "ValidateConsume on one key, 128 in flight, telemetry on, of the same off",
            WithTelemetry,
            results.Ratio(Scenario.Exported, Concurrency.Many, Scenario.Consume, Concurrency.Many)),
        AtMost(
            "the node's processor time for a call, likewise",
            null,
            results.Ratio(Scenario.Exported, Scenario.Consume, Concurrency.Many, cell => cell.ServerMicroseconds)),
    ];

    private static List<IReadOnlyList<string>> OfAll(RunReport report)
    {
        var results = report.Results;
        var spread = Scenario.Uniform(report.Options.Keys);
        return
        [
            AtLeast(
                "ValidateConsume on one key, 128 in flight, of the ceiling, by h2load",
                HotOfCeiling,
                results.RatioByH2Load(Scenario.Consume, Scenario.Ceiling)),
            AtLeast(
                "the same by our own generator, which costs the ceiling less",
                HotOfCeiling,
                results.Ratio(Scenario.Consume, Concurrency.Many, Scenario.Ceiling, Concurrency.Many)),
            AtLeast(
                "ValidateConsume on one key, 128 in flight, times the sequential gate",
                HotOfSequential,
                results.Ratio(Scenario.Consume, Concurrency.Many, Scenario.Sequential, Concurrency.Single)),
            AtLeast(
                "ValidateConsume spread over keys, 128 in flight, of the ceiling",
                SpreadOfCeiling,
                results.Ratio(spread, Concurrency.Many, Scenario.Ceiling, Concurrency.Many)),
            Shown(
                "ValidateConsume on one key, of the ceiling through ASP.NET Core, by h2load",
                results.RatioByH2Load(Scenario.Consume, Scenario.Pipeline)),
            Shown(
                "the same by our own generator",
                results.Ratio(Scenario.Consume, Concurrency.Many, Scenario.Pipeline, Concurrency.Many)),
            Shown(
                "ValidateConsume spread over keys, of the ceiling through ASP.NET Core",
                results.Ratio(spread, Concurrency.Many, Scenario.Pipeline, Concurrency.Many)),
            AtLeast(
                "Validate, 128 in flight, of ValidateConsume",
                1,
                results.Ratio(Scenario.Validate, Concurrency.Many, Scenario.Consume, Concurrency.Many)),
            .. OfTelemetry(results),
            AtMost(
                "one quiet caller, mean, ms (3 flushes and 1 ms)",
                report.FlushMilliseconds * FlushesOfQuietCaller + 1,
                results.Median(Scenario.Consume, Concurrency.Single, cell => cell.Latencies?.Mean)),
            AtMost(
                "bytes of a log row on disk, indexes included, one key",
                LogBytes,
                results.Median(Scenario.Consume, Concurrency.Many, cell => cell.LogBytes)),
            AtMost(
                "the same, spread over keys",
                LogBytes,
                results.Median(spread, Concurrency.Many, cell => cell.LogBytes)),
            AtMost("memory of the node before the first call, MiB", IdleMebibytes, (double)report.IdleBytes / BytesPerMebibyte),
            AtMost("memory of the node after the last call, MiB", LoadedMebibytes, (double)report.LoadedBytes / BytesPerMebibyte),
        ];
    }

    /// <summary>For comparison: there is no goal.</summary>
    private static string[] Shown(string what, double? measured) => [what, Text(null), Text(measured), Text(null)];

    private static string[] AtLeast(string what, double goal, double? measured) =>
        [what, $"≥ {Text(goal)}", Text(measured), measured is null ? "–" : measured >= goal ? "yes" : "no"];

    private static string[] AtMost(string what, double? goal, double? measured) =>
        [what, $"≤ {Text(goal)}", Text(measured), goal is null || measured is null ? "–" : measured <= goal ? "yes" : "no"];

    private static string Text(double? number) => number?.ToString("0.##", CultureInfo.InvariantCulture) ?? "–";
}
