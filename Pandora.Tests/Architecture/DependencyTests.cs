using System.Text.RegularExpressions;

namespace Pandora.Tests.Architecture;

/// <summary>The rooms of Pandora.Core and what each may use. DocumentationTests holds the table in docs/architecture.md to this one.</summary>
public sealed partial class DependencyTests
{
    internal static readonly Dictionary<string, string[]> MayUse = new()
    {
        ["Settings"] = [],
        ["Telemetry"] = [],
        ["Errors"] = [],
        ["Transport"] = ["Settings"],
        ["EmbeddedPostgres"] = ["Settings"],
        ["Keys"] = ["Settings"],
        ["Persistence"] = ["Errors", "Settings", "Telemetry"],
        ["Quotas"] = ["Errors", "Persistence"],
        ["Security"] = ["Errors", "Keys", "Persistence", "Settings", "Transport"],
        ["Rest"] = ["Errors", "Keys", "Persistence", "Quotas", "Settings"],
        ["Health"] = ["EmbeddedPostgres", "Persistence", "Rest"],
        ["Gate"] = ["Errors", "Keys", "Persistence", "Quotas", "Settings", "Telemetry", "Transport"],
        ["Rpc"] = ["Errors", "Gate", "Settings", "Telemetry", "Transport"],
        ["Auth"] = ["Errors", "Rest", "Security"],
        ["ApiKeys"] = ["Errors", "Keys", "Persistence", "Rest", "Security"],
        ["Clients"] = ["Errors", "Persistence", "Quotas", "Rest"],
        ["Services"] = ["Errors", "Persistence", "Rest"],
        ["Projects"] = ["Errors", "Persistence", "Quotas", "Rest"],
        ["Environments"] = ["Errors", "Persistence", "Quotas", "Rest"],
        ["OpenApi"] = ["Errors", "Rest", "Security"],
        ["Requests"] = ["Errors", "Gate", "Persistence", "Rest"],
        ["Verification"] = ["Errors", "Persistence", "Settings"],
    };

    [Fact]
    public void Every_room_uses_only_the_rooms_it_may()
    {
        var violations = Uses()
            .Where(use => !(MayUse.GetValueOrDefault(use.Room) ?? []).Contains(use.Used))
            .Select(use => $"{use.File} uses {use.Used}");

        Assert.Empty(violations);
    }

    [Fact]
    public void Every_permission_is_used()
    {
        var used = Uses().Select(use => (use.Room, use.Used)).ToHashSet();
        var unused =
            from room in MayUse
            from other in room.Value
            where !used.Contains((room.Key, other))
            select $"{room.Key} does not use {other}";

        Assert.Empty(unused);
    }

    [Fact]
    public void No_rooms_lean_on_each_other_in_a_circle()
    {
        var settled = new HashSet<string>();
        while (MayUse.Keys.FirstOrDefault(room => !settled.Contains(room) && MayUse[room].All(settled.Contains)) is { } free)
        {
            settled.Add(free);
        }

        Assert.Empty(MayUse.Keys.Except(settled));
    }

    [Fact]
    public void Every_room_is_in_the_table()
    {
        var rooms =
            from folder in Directory.EnumerateDirectories(Repository.PathTo("Pandora.Core"))
            let name = Path.GetFileName(folder)
            where name is not ("bin" or "obj" or "Properties")
                && Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories).Any()
            select name;

        Assert.Equal(MayUse.Keys.Order(), rooms.Order());
    }

    [Fact]
    public void The_gate_uses_no_web_framework_and_no_entity_framework()
    {
        var violations =
            from file in Directory.EnumerateFiles(Repository.PathTo("Pandora.Core", "Gate"), "*.cs", SearchOption.AllDirectories)
            where ForeignToTheGate().IsMatch(File.ReadAllText(file))
            select Path.GetFileName(file);

        Assert.Empty(violations);
    }

    private static IEnumerable<(string File, string Room, string Used)> Uses()
    {
        var core = Repository.PathTo("Pandora.Core");
        return
            from file in Directory.EnumerateFiles(core, "*.cs", SearchOption.AllDirectories)
            let path = Path.GetRelativePath(core, file).Split(Path.DirectorySeparatorChar)
            where path is [not ("bin" or "obj"), _, ..] // the files beside the rooms compose them and may use all
            from used in UsedRoom().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value).Distinct()
            where used != path[0]
            select (string.Join('/', path), path[0], used);
    }

    // Sound because a namespace equals its folder (IDE0130 is an error).
    [GeneratedRegex(@"\bPandora\.Core\.(\w+)")]
    private static partial Regex UsedRoom();

    [GeneratedRegex(@"Microsoft\.EntityFrameworkCore|Microsoft\.AspNetCore|Google\.Protobuf|Pandora\.Protos|HttpContext")]
    private static partial Regex ForeignToTheGate();
}
