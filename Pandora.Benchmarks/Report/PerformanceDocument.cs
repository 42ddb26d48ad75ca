namespace Pandora.Benchmarks.Report;

/// <summary>
/// The document with the figures. What people wrote stays; a run replaces what stands between two marks:
/// <c>&lt;!-- figures: name --&gt;</c> and <c>&lt;!-- end of figures: name --&gt;</c>.
/// </summary>
internal static class PerformanceDocument
{
    /// <summary>Null: this program does not run from a checkout.</summary>
    public static string? OfCheckout()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Pandora.sln")))
            {
                return Path.Combine(folder.FullName, "docs", "performance.md");
            }
        }
        return null;
    }

    /// <param name="name">Of the figures. If the document has none of that name, they are put at its end.</param>
    public static async Task WriteAsync(string file, string name, string figures, CancellationToken ct)
    {
        var (first, last) = ($"<!-- figures: {name} -->\n", $"<!-- end of figures: {name} -->\n");
        var text = File.Exists(file) ? await File.ReadAllTextAsync(file, ct) : "";
        var start = text.IndexOf(first, StringComparison.Ordinal);
        var end = text.IndexOf(last, StringComparison.Ordinal);
        var isThere = start >= 0 && end > start;
        var before = isThere ? text[..start] : text;
        var after = isThere ? text[(end + last.Length)..] : "";
        await File.WriteAllTextAsync(file, $"{before}{first}\n{figures}\n{last}{after}", ct);
    }
}
