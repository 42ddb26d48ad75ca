using System.Xml.Linq;
using Pandora.Core.Settings;
using Pandora.Tests.Architecture;

namespace Pandora.Tests.Documentation;

/// <summary>The documents say what the code says, where that can be compared.</summary>
public sealed class DocumentationTests
{
    [Fact]
    public void The_readme_lists_every_variable_and_no_other()
    {
        var listed =
            from row in MarkdownFile.Open("README.md").Table("## Settings")
            let name = MarkdownFile.CodeIn(row[0]).Single()
            where name != "ConnectionStrings__pandora"
            select name;

        Assert.Equal(SettingsReader.Known.Order(), listed.Order());
    }

    [Fact]
    public void The_deployment_guide_lists_the_same_variables_with_the_same_defaults()
    {
        static IEnumerable<string> Settings(params string[] document) =>
            from row in MarkdownFile.Open(document).Table("## Settings")
            select $"{MarkdownFile.CodeIn(row[0]).Single()}: {row[1].Split('▸')[0].TrimEnd()}";

        Assert.Equal(Settings("README.md").Order(StringComparer.Ordinal), Settings("docs", "deployment.md").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_readme_states_what_the_launch_profile_sets()
    {
        var profile = File.ReadAllText(Repository.PathTo("Pandora.Core", "Properties", "launchSettings.json"));
        var stated =
            from row in MarkdownFile.Open("README.md").Table("## Settings")
            where row[1].Contains('▸', StringComparison.Ordinal)
            select $"\"{MarkdownFile.CodeIn(row[0]).Single()}\": \"{MarkdownFile.CodeIn(row[1])[^1]}\"";

        Assert.All(stated, setting => Assert.Contains(setting, profile, StringComparison.Ordinal));
    }

    [Fact]
    public void The_architecture_shows_the_rooms_and_what_each_may_use()
    {
        var shown = MarkdownFile.Open("docs", "architecture.md").Table("## Rooms")
            .Select(row => $"{MarkdownFile.CodeIn(row[0]).Single()}: {string.Join(", ", MarkdownFile.CodeIn(row[2]))}");
        var held = DependencyTests.MayUse
            .Select(room => $"{room.Key}: {string.Join(", ", room.Value.Order(StringComparer.Ordinal))}");

        Assert.Equal(held.Order(StringComparer.Ordinal), shown.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_package_has_its_line_and_no_other_has()
    {
        var document = MarkdownFile.Open("docs", "dependencies.md");
        string[] headings = ["## The product", "## Build and tests", "## The composition for developers"];
        var lines = headings.SelectMany(document.Table)
            .Select(row => MarkdownFile.CodeIn(row[0]).Single());
        var packages = XDocument.Load(Repository.PathTo("Directory.Packages.props"))
            .Descendants("PackageVersion")
            .Select(package => package.Attribute("Include")!.Value);

        Assert.Equal(packages.Order(StringComparer.Ordinal), lines.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_link_within_the_checkout_leads_somewhere()
    {
        var dead =
            from file in MarkdownFile.All()
            from link in file.RelativeLinks()
            where !LeadsSomewhere(file, link)
            select $"{Path.GetRelativePath(Repository.PathTo(), file.Path)}: {link}";

        Assert.Empty(dead);
    }

    private static bool LeadsSomewhere(MarkdownFile from, string link)
    {
        var (place, anchor) = link.Split('#', 2) is [var before, var after] ? (before, after) : (link, null);
        var target = place.Length == 0 ? from.Path : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(from.Path)!, place));
        return anchor is null
            ? Path.Exists(target)
            : File.Exists(target) && new MarkdownFile(target).Anchors().Contains(anchor);
    }
}
