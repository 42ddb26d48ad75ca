using System.Globalization;
using System.Text;

namespace Pandora.Benchmarks.Report;

/// <summary>All that a run has found out, and how it is written.</summary>
internal sealed record RunReport
{
    private const long BytesPerMebibyte = 1 << 20;

    public required Results Results { get; init; }

    public required Options Options { get; init; }

    /// <summary>Null: not measured.</summary>
    public required double? FlushMilliseconds { get; init; }

    // Memory of the node: before the first call, after the last one, and the most ever.
    public required long IdleBytes { get; init; }

    public required long LoadedBytes { get; init; }

    public required long PeakBytes { get; init; }

    /// <summary>In the log when the run began.</summary>
    public required long LogRows { get; init; }

    public required IReadOnlyList<(string What, string Value)> Notes { get; init; }

    /// <summary>To standard output and, unless the run was a quick one, into the document.</summary>
    public async Task PublishAsync(CancellationToken ct)
    {
        var text = Text();
        await Console.Out.WriteLineAsync(text);
        var file = Options.Write ?? (Options.Quick ? null : PerformanceDocument.OfCheckout());
        if (file is not null)
        {
            await PerformanceDocument.WriteAsync(file, Options.Pairs ? "pairs" : Options.Connection is null ? "small" : "seeded", text, ct);
            Benchmark.Say($"{file} is written.");
        }
    }

    private string Text()
    {
        var text = new StringBuilder();
        text.Append(Conditions()).Append('\n');
        text.Append(Table()).Append('\n');
        text.Append(Goals.Table(this));
        return text.ToString();
    }

    private string Conditions()
    {
        List<IReadOnlyList<string>> rows =
        [
            .. Notes.Select(note => new[] { note.What, note.Value }),
            ["flush of the disk (fdatasync)", FlushMilliseconds is { } flush ? $"{Number(flush, "0.000")} ms" : "not measured"],
            ["memory of the node", $"{Mebibytes(IdleBytes)} MiB at first, {Mebibytes(LoadedBytes)} MiB at last, {Mebibytes(PeakBytes)} MiB at most"],
            ["rows in the log at first", LogRows.ToString("N0", CultureInfo.InvariantCulture)],
            ["figures", string.Create(CultureInfo.InvariantCulture, $"medians of {Options.Rounds} rounds, {Options.Seconds} s each")],
        ];
        return MarkdownTable.Of(["Conditions", ""], rows, firstNumber: 2);
    }

    private string Table()
    {
        string[] head =
        [
            "Calls", "In flight", "Calls/s", "Of the ceiling", "p50 ms", "p99 ms", "p99.9 ms",
            "Allocated B", "Server µs", "Database µs", "Generator µs", "Log B",
        ];
        List<IReadOnlyList<string>> rows =
        [
            .. Results.Rows.OrderBy(row => Place(row.Name)).Select(Row),
            .. Results.Missing.Select(scenario => (string[])
                [scenario.Name, "", "not in this version", .. Enumerable.Repeat("", head.Length - 3)]),
        ];
        return MarkdownTable.Of(head, rows, firstNumber: 1);
    }

    private string[] Row(RowKey row)
    {
        var half = row.Concurrency == Concurrency.All[^1].Name;
        return
        [
            row.Name,
            row.Concurrency,
            Figure(cell => cell.CallsPerSecond, "0"),
            half ? "" : Number(Results.Ratio(row, CeilingOf(row)), "0.000"),
            Figure(cell => cell.Latencies?.P50, "0.00"),
            Figure(cell => cell.Latencies?.P99, "0.00"),
            Figure(cell => cell.Latencies?.P999, "0.00"),
            Figure(cell => cell.AllocatedBytes, "0"),
            Figure(cell => cell.ServerMicroseconds, "0.0"),
            Figure(cell => cell.DatabaseMicroseconds, "0.0"),
            Figure(cell => cell.GeneratorMicroseconds, "0.0"),
            Figure(cell => cell.LogBytes, "0"),
        ];

        string Figure(Func<Measurement, double?> figure, string format) => Number(Results.Median(row, figure), format);
    }

    /// <summary>Of the same tool and concurrency.</summary>
    private static RowKey CeilingOf(RowKey row) =>
        row with { Name = row.Name.IndexOf(" (by ", StringComparison.Ordinal) is >= 0 and var tool ? Scenario.Ceiling.Name + row.Name[tool..] : Scenario.Ceiling.Name };

    /// <summary>Rows of one scenario stand together, in the order in which a round goes through scenarios.</summary>
    private int Place(string name) => Results.Rows.Select(row => row.Name).Distinct().ToList().IndexOf(name);

    private static string Mebibytes(long bytes) => (bytes / BytesPerMebibyte).ToString(CultureInfo.InvariantCulture);

    private static string Number(double? number, string format) => number?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
