using System.Globalization;

namespace Pandora.Benchmarks.Report;

/// <summary>What the product is to reach, and whether it does.</summary>
internal static class Goals
{
    private const double HotOfRedis = 2;
    private const double SpreadOfRedis = 1.5;
    private const double HotOfSql = 25;
    private const double SpreadOfSql = 4;
    private const double WithTelemetry = 0.95;
    private const double OfOtherBuild = 0.9;
    private const double ProcessorTimeOfOtherBuild = 1.12;
    private const double FlushesOfQuietCaller = 3;
    private const double LogBytes = 250;
    private const long IdleMebibytes = 120;
    private const long LoadedMebibytes = 400;
    private const long BytesPerMebibyte = 1 << 20;

    public static string Table(RunReport report)
    {
        List<IReadOnlyList<string>> rows = report.Options.Pairs ? OfNodes(report) : [.. OfAlternatives(report), .. OfNodes(report), .. OfNode(report)];
        return MarkdownTable.Of(["What", "Goal", "Measured", "Held"], rows, firstNumber: 1);
    }

    /// <summary>The node against what people use instead, and against what a server costs that decides nothing.</summary>
    private static List<IReadOnlyList<string>> OfAlternatives(RunReport report)
    {
        var results = report.Results;
        var spread = Scenario.Uniform(report.Options.Keys);
        return
        [
            AtLeast("one key, 128 in flight, times ASP.NET Core with Redis", HotOfRedis, Hot(Scenario.OneKey(Target.Redis))),
            AtLeast("spread over keys, likewise", SpreadOfRedis, Spread(Scenario.Uniform(report.Options.Keys, Target.Redis))),
            AtLeast("one key, 128 in flight, times one SQL statement", HotOfSql, Hot(Scenario.OneKey(Target.Sql))),
            AtLeast("spread over keys, likewise", SpreadOfSql, Spread(Scenario.Uniform(report.Options.Keys, Target.Sql))),
            Shown(
                "one quiet caller, times the throughput of one SQL statement",
                results.Ratio(Scenario.Consume, Concurrency.Single, Scenario.OneKey(Target.Sql), Concurrency.Single)),
            Shown("one key, 128 in flight, of the ceiling, by h2load", results.RatioByH2Load(Scenario.Consume, Scenario.Ceiling)),
            Shown("the same by our own generator, which costs the ceiling less", Hot(Scenario.Ceiling)),
            Shown("spread over keys, likewise", Spread(Scenario.Ceiling)),
            Shown("one key, of the ceiling through ASP.NET Core, by h2load", results.RatioByH2Load(Scenario.Consume, Scenario.Pipeline)),
            Shown("the same by our own generator", Hot(Scenario.Pipeline)),
            Shown("spread over keys, likewise", Spread(Scenario.Pipeline)),
        ];

        double? Hot(Scenario of) => results.Ratio(Scenario.Consume, Concurrency.Many, of, Concurrency.Many);

        double? Spread(Scenario of) => results.Ratio(spread, Concurrency.Many, of, Concurrency.Many);
    }

    /// <summary>Nodes against each other, all on one key.</summary>
    private static List<IReadOnlyList<string>> OfNodes(RunReport report)
    {
        var rows = new List<IReadOnlyList<string>>
        {
            AtLeast("telemetry on, of the same off", WithTelemetry, Throughput(Target.Exporter, Target.Node)),
            AtMost("the node's processor time for a call, likewise", null, ProcessorTime(Target.Exporter, Target.Node)),
        };
        if (report.Options.Against is not null)
        {
            rows.Add(AtLeast("this build, of the other one", OfOtherBuild, Throughput(Target.Node, Target.OtherBuild)));
            rows.Add(AtMost(
                "the node's processor time for a call, likewise", ProcessorTimeOfOtherBuild, ProcessorTime(Target.Node, Target.OtherBuild)));
            rows.Add(Shown("spread over keys, likewise", Spread(Target.Node, Target.OtherBuild)));
        }
        if (report.Options.Postgres is not null)
        {
            rows.Add(Shown("the other PostgreSQL, of this one", Throughput(Target.OtherPostgres, Target.Node)));
            rows.Add(Shown("spread over keys, likewise", Spread(Target.OtherPostgres, Target.Node)));
        }
        return rows;

        double? Throughput(Target one, Target of) =>
            report.Results.Ratio(Scenario.OneKey(one), Concurrency.Many, Scenario.OneKey(of), Concurrency.Many);

        double? Spread(Target one, Target of) => report.Results.Ratio(
            Scenario.Uniform(report.Options.Keys, one), Concurrency.Many, Scenario.Uniform(report.Options.Keys, of), Concurrency.Many);

        double? ProcessorTime(Target one, Target of) => report.Results.Ratio(
            Scenario.OneKey(one), Scenario.OneKey(of), Concurrency.Many, cell => cell.ServerMicroseconds);
    }

    private static List<IReadOnlyList<string>> OfNode(RunReport report)
    {
        var results = report.Results;
        return
        [
            AtLeast(
                "Validate, 128 in flight, of ValidateConsume",
                1,
                results.Ratio(Scenario.Validate, Concurrency.Many, Scenario.Consume, Concurrency.Many)),
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
                results.Median(Scenario.Uniform(report.Options.Keys), Concurrency.Many, cell => cell.LogBytes)),
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
