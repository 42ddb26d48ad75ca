using System.Globalization;

namespace Pandora.Core.Transport;

/// <summary>What Linux tells of the descriptors of this process; other systems do not tell it like that.</summary>
internal static class OpenFiles
{
    private const string Limits = "/proc/self/limits";

    /// <summary>How many there may be; the runtime has raised it to the most that the system allows. Null: not known, or no limit.</summary>
    public static int? Limit() => File.Exists(Limits) ? LimitIn(File.ReadAllText(Limits)) : null;

    /// <param name="table">As in <c>/proc/self/limits</c>: a name of several words, then the soft and the hard limit.</param>
    internal static int? LimitIn(string table)
    {
        const string Name = "Max open files";
        var line = table.Split('\n').FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal)) ?? Name;
        return line[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var soft, ..]
            && int.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var limit)
            ? limit
            : null;
    }
}
