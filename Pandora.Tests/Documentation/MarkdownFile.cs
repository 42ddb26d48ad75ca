using System.Text.RegularExpressions;

namespace Pandora.Tests.Documentation;

/// <summary>A document of the checkout, as far as tests hold it to the code.</summary>
internal sealed partial class MarkdownFile(string path)
{
    private static readonly string[] MadeByBuilds = ["artifacts", "bin", "obj", "node_modules", "TestResults"];

    private readonly string[] _lines = File.ReadAllLines(path);

    public string Path => path;

    /// <param name="parts">Below the root of the checkout.</param>
    public static MarkdownFile Open(params string[] parts) => new(Repository.PathTo(parts));

    /// <summary>Every document of the checkout.</summary>
    public static IEnumerable<MarkdownFile> All() => Below(Repository.PathTo()).Select(file => new MarkdownFile(file));

    /// <summary>The rows of the first table below a heading, without its head; cells are trimmed.</summary>
    public IReadOnlyList<string[]> Table(string heading) =>
    [
        .. _lines
            .SkipWhile(line => line != heading)
            .SkipWhile(line => !line.StartsWith('|'))
            .TakeWhile(line => line.StartsWith('|'))
            .Skip(2)
            .Select(line => line.Trim('|').Split('|', StringSplitOptions.TrimEntries)),
    ];

    /// <summary>What is written as code in a cell.</summary>
    public static IReadOnlyList<string> CodeIn(string cell) => [.. Code().Matches(cell).Select(match => match.Groups[1].Value)];

    /// <summary>Targets of the links in a cell or another piece of text.</summary>
    public static IReadOnlyList<string> LinksIn(string text) => [.. Link().Matches(text).Select(match => match.Groups[1].Value)];

    /// <summary>Targets of links to other places of the checkout.</summary>
    public IEnumerable<string> RelativeLinks() =>
        Text()
            .SelectMany(LinksIn)
            .Where(target => !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith("mailto:", StringComparison.Ordinal));

    /// <summary>What a link may name after <c>#</c>.</summary>
    public IReadOnlySet<string> Anchors() =>
        Text().Where(line => line.StartsWith('#')).Select(line => AnchorOf(line.TrimStart('#').Trim())).ToHashSet();

    private static string AnchorOf(string heading) =>
        NotInAnchors().Replace(heading.ToLowerInvariant(), "").Replace(' ', '-');

    /// <summary>The lines outside of code blocks.</summary>
    private IEnumerable<string> Text()
    {
        var inCode = false;
        foreach (var line in _lines)
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                inCode = !inCode;
            }
            else if (!inCode)
            {
                yield return line;
            }
        }
    }

    private static IEnumerable<string> Below(string folder) =>
        Directory.EnumerateFiles(folder, "*.md").Concat(
            Directory.EnumerateDirectories(folder)
                .Where(child => System.IO.Path.GetFileName(child) is var name && !name.StartsWith('.') && !MadeByBuilds.Contains(name))
                .SelectMany(Below));

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchors();
}
