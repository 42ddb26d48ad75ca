using System.Globalization;
using System.Reflection;

namespace Pandora.Tests.Documentation;

/// <summary>The checklist names the tests that prove it, and they claim their numbers.</summary>
public sealed class ChecklistTests
{
    private static readonly string[] Headings =
    [
        "## Key checks and outcome reports",
        "## REST",
        "## Authentication and operation",
        "## What a browser client depends on",
    ];

    private static readonly MarkdownFile Document = MarkdownFile.Open("docs", "checklist.md");

    [Fact]
    public void Every_number_has_its_row_and_is_claimed_by_a_test()
    {
        var listed = Rows().Select(row => Number(row[0])).ToList();
        var claimed = Claims().Select(claim => claim.Number).Distinct().Order();

        Assert.Equal(Enumerable.Range(1, listed.Count), listed);
        Assert.True(listed.Count >= 88, "a row was removed");
        Assert.Equal(listed, claimed);
    }

    [Fact]
    public void Every_row_names_the_classes_that_claim_it()
    {
        var named =
            from row in Rows()
            from link in MarkdownFile.LinksIn(row[3])
            select $"{row[0]} {link}";
        var claimed = Claims().Select(claim => $"{claim.Number} {FileOf(claim.Class)}").Distinct();

        Assert.Equal(claimed.Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
    }

    private static IEnumerable<string[]> Rows() => Headings.SelectMany(Document.Table);

    private static IEnumerable<(int Number, Type Class)> Claims() =>
        from type in typeof(ChecklistTests).Assembly.GetTypes()
        from method in type.GetMethods()
        from number in method.GetCustomAttribute<ChecklistAttribute>()?.Numbers ?? []
        select (number, type);

    /// <summary>Seen from the folder of the document.</summary>
    private static string FileOf(Type type) =>
        $"../Pandora.Tests/{type.FullName!["Pandora.Tests.".Length..].Replace('.', '/')}.cs";

    private static int Number(string cell) => int.Parse(cell, CultureInfo.InvariantCulture);
}
