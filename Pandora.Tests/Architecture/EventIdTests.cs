using System.Globalization;
using System.Text.RegularExpressions;

namespace Pandora.Tests.Architecture;

/// <summary>Event ids tell log lines apart whatever their wording: one id, one event, in the range of its room.</summary>
public sealed partial class EventIdTests
{
    /// <summary>First id of a room; its range ends before the next room's first.</summary>
    private static readonly SortedList<int, string> Ranges = new()
    {
        [1000] = "Pandora.Core",
        [1050] = "Pandora.MigrationService",
        [1060] = "Pandora.ServiceDefaults",
        [1100] = "Rest",
        [2000] = "EmbeddedPostgres",
        [2100] = "Persistence",
        [3000] = "Security",
        [4000] = "Gate",
        [5000] = "Grpc",
    };

    private static readonly string[] Projects = ["Pandora.Core", "Pandora.MigrationService", "Pandora.ServiceDefaults"];

    [Fact]
    public void Every_event_has_an_id_of_its_own_in_the_range_of_its_room()
    {
        var events =
            from project in Projects
            from file in Directory.EnumerateFiles(Repository.PathTo(project), "*.cs", SearchOption.AllDirectories)
            from Match match in EventId().Matches(File.ReadAllText(file))
            let id = int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
            select (Id: id, Room: Path.GetFileName(Path.GetDirectoryName(file)!));
        var found = events.ToList();

        Assert.NotEmpty(found);
        Assert.Empty(found.GroupBy(e => e.Id).Where(same => same.Count() > 1).Select(same => same.Key));
        Assert.DoesNotContain(found, e => Ranges.Last(range => range.Key <= e.Id).Value != e.Room);
    }

    [GeneratedRegex(@"LoggerMessage\((\d+),")]
    private static partial Regex EventId();
}
