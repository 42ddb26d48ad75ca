using System.Globalization;
using System.Runtime.InteropServices;

namespace Pandora.Benchmarks.Machine;

/// <summary>What figures depend on: hardware, systems, versions.</summary>
internal static class MachineNotes
{
    private const long BytesPerGibibyte = 1L << 30;

    /// <param name="folder">Where the database lies. Null: elsewhere.</param>
    public static async Task<IReadOnlyList<(string What, string Value)>> ReadAsync(string? folder, CancellationToken ct)
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var notes = new List<(string, string)>
        {
            ("date", TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)),
            ("processor", string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} × {Processor()}")),
            ("memory", string.Create(CultureInfo.InvariantCulture, $"{(double)memory / BytesPerGibibyte:0.0} GiB")),
            ("system", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}"),
        };
        if (folder is not null)
        {
            notes.Add(("file system of the database", FileSystem(folder)));
        }
        if (await Tool.RunAsync("git", ct, "-C", AppContext.BaseDirectory, "describe", "--always", "--dirty") is { } version)
        {
            notes.Add(("source", version.Trim()));
        }
        return notes;
    }

    private static string Processor() =>
        File.ReadLines("/proc/cpuinfo")
            .Where(line => line.StartsWith("model name", StringComparison.Ordinal))
            .Select(line => line[(line.IndexOf(':') + 1)..].Trim())
            .FirstOrDefault() ?? RuntimeInformation.ProcessArchitecture.ToString();

    /// <summary>A file system in memory would flush nothing, and so must be seen.</summary>
    private static string FileSystem(string folder) =>
        DriveInfo.GetDrives()
            .Where(drive => folder.StartsWith(drive.Name, StringComparison.Ordinal))
            .MaxBy(drive => drive.Name.Length)?.DriveFormat ?? "unknown";
}
