using System.Globalization;

namespace Pandora.Benchmarks.Machine;

/// <summary>What the kernel knows about processes of this machine.</summary>
internal static class ProcessFigures
{
    /// <summary>What Linux counts processor time in, whatever its own clock does.</summary>
    private const double TicksPerSecond = 100;

    private const int BytesPerKilobyte = 1024;

    // Fields of /proc/<pid>/stat behind the name of the program.
    private const int Parent = 1;
    private const int UserTime = 11;
    private const int SystemTime = 12;
    private const int ChildrenUserTime = 13;
    private const int ChildrenSystemTime = 14;

    /// <summary>Memory in use now.</summary>
    public static long ResidentBytes(int pid) => Status(pid, "VmRSS:");

    /// <summary>The most that was ever in use.</summary>
    public static long PeakResidentBytes(int pid) => Status(pid, "VmHWM:");

    public static double CpuSeconds(int pid) =>
        Stat(pid) is { } stat ? Seconds(stat, UserTime, SystemTime) : 0;

    /// <summary>Of a process, its children, and those children that have ended.</summary>
    public static double CpuSecondsOfFamily(int pid) =>
        (Stat(pid) is { } stat ? Seconds(stat, UserTime, SystemTime, ChildrenUserTime, ChildrenSystemTime) : 0)
        + Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? Stat(id) : null)
            .OfType<string[]>()
            .Where(child => Number(child[Parent]) == pid)
            .Sum(child => Seconds(child, UserTime, SystemTime));

    /// <summary>Null: there is no such process here.</summary>
    public static int? ParentOf(int pid) => Stat(pid) is { } stat ? (int)Number(stat[Parent]) : null;

    private static double Seconds(string[] stat, params ReadOnlySpan<int> fields)
    {
        var ticks = 0L;
        foreach (var field in fields)
        {
            ticks += Number(stat[field]);
        }
        return ticks / TicksPerSecond;
    }

    private static string[]? Stat(int pid)
    {
        try
        {
            var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
            return text[(text.LastIndexOf(')') + 2)..].Split(' '); // the name may hold anything
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // it has ended
        }
    }

    private static long Status(int pid, string line) =>
        File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/status"))
            .Where(text => text.StartsWith(line, StringComparison.Ordinal))
            .Select(text => Number(text[line.Length..].Trim().Split(' ')[0]) * BytesPerKilobyte)
            .Single();

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
