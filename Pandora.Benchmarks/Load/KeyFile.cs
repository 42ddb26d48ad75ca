using System.Globalization;

namespace Pandora.Benchmarks.Load;

/// <summary>The keys of a run, handed to the generator.</summary>
internal static class KeyFile
{
    public static Task WriteAsync(string path, IEnumerable<BenchmarkKey> keys, CancellationToken ct) =>
        File.WriteAllLinesAsync(path, keys.Select(key => $"{key.Number}\t{key.Service}\t{key.Version}"), ct);

    public static BenchmarkKey[] Read(string path) =>
    [
        .. File.ReadLines(path)
            .Select(line => line.Split('\t'))
            .Select(part => new BenchmarkKey(int.Parse(part[0], CultureInfo.InvariantCulture), part[1], part[2])),
    ];
}
