using System.Globalization;
using System.Text.RegularExpressions;

namespace Pandora.Benchmarks.Machine;

/// <summary>nghttp2's load generator, where it is installed: a second opinion on ours.</summary>
internal static partial class H2Load
{
    private const string Program = "h2load";

    /// <summary>Its version. Null: it is not installed.</summary>
    public static async Task<string?> VersionAsync(CancellationToken ct) =>
        (await Tool.RunAsync(Program, ct, "--version"))?.Trim();

    /// <summary>Calls answered in a second.</summary>
    /// <param name="bodyFile">What each call sends.</param>
    public static async Task<double> RunAsync(
        int port, string path, string bodyFile, Concurrency concurrency, Options options, CancellationToken ct)
    {
        var output = await Tool.RunAsync(
            Program,
            ct,
            "-t", "1",
            "-c", Text(concurrency.Connections),
            "-m", Text(concurrency.InFlight / concurrency.Connections),
            "-D", Text((int)Math.Ceiling(options.Seconds)),
            "--warm-up-time", "1",
            "-d", bodyFile,
            "-H", "content-type: application/grpc",
            "-H", "te: trailers",
            string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}{path}"));
        return output is not null
            && Rate().Match(output) is { Success: true } rate
            && Failures().Match(output) is { Success: true } failures && failures.Groups[1].Value == "0"
                ? double.Parse(rate.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
                : throw new BenchmarkException($"{Program} failed:\n{output}");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"finished in .*?, ([\d.]+) req/s", RegexOptions.CultureInvariant)]
    private static partial Regex Rate();

    [GeneratedRegex(@"succeeded, (\d+) failed", RegexOptions.CultureInvariant)]
    private static partial Regex Failures();
}
