using System.Globalization;
using System.Text.RegularExpressions;

namespace Pandora.Benchmarks.Machine;

/// <summary>What one flush to the disk costs, by PostgreSQL's own program.</summary>
internal static partial class FlushCost
{
    private const string Program = "pg_test_fsync";
    private const string DebianFolder = "/usr/lib/postgresql";

    /// <summary>Milliseconds of one fdatasync. Null: the program is not there.</summary>
    /// <param name="folder">On the disk of the database.</param>
    public static async Task<double?> MeasureAsync(string folder, CancellationToken ct)
    {
        var file = Path.Combine(folder, "flushes");
        try
        {
            foreach (var program in Candidates())
            {
                if (await Tool.RunAsync(program, ct, "-s", "1", "-f", file) is { } output
                    && Line().Match(output) is { Success: true } match)
                {
                    return double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) / 1000;
                }
            }
            return null;
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static IEnumerable<string> Candidates() =>
        Directory.Exists(DebianFolder)
            ? [Program, .. Directory.EnumerateDirectories(DebianFolder).Order().Reverse().Select(major => Path.Combine(major, "bin", Program))]
            : [Program];

    // The first one writes a single block, as a commit does.
    [GeneratedRegex(@"^\s+fdatasync\s.*?([\d.]+) usecs/op", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Line();
}
