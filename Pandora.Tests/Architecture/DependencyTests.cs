using System.Text.RegularExpressions;

namespace Pandora.Tests.Architecture;

/// <summary>The rooms of Pandora.Core and what each may use. DocumentationTests holds the table in docs/architecture.md to this one.</summary>
public sealed partial class DependencyTests
{
    private static readonly string[] Rest = ["Errors", "Persistence", "Quotas", "Rest", "Settings"];

    internal static readonly Dictionary<string, string[]> MayUse = new()
    {
        ["Settings"] = [],
        ["Quotas"] = [],
        ["Telemetry"] = [],
        ["Errors"] = [],
        ["EmbeddedPostgres"] = ["Settings"],
        ["Keys"] = ["Settings"],
        ["Persistence"] = ["Errors", "Gate", "Quotas", "Settings", "Telemetry"],
        ["Security"] = ["Errors", "Keys", "Persistence", "Rest", "Settings"],
        ["Rest"] = ["Errors", "Persistence", "Quotas", "Settings"],
        ["Health"] = [.. Rest],
        ["Gate"] = ["Errors", "Keys", "Quotas", "Settings", "Telemetry"],
        ["Rpc"] = ["Errors", "Gate", "Telemetry"],
        ["Auth"] = [.. Rest, "Security"],
        ["ApiKeys"] = [.. Rest, "Keys", "Security"],
        ["Clients"] = Rest,
        ["Services"] = Rest,
        ["Projects"] = Rest,
        ["Environments"] = Rest,
        ["OpenApi"] = ["Errors", "Rest", "Security"],
        ["Requests"] = [.. Rest, "Gate"],
        ["Verification"] = ["Errors", "Persistence", "Settings"],
    };

    [Fact]
    public void Every_room_uses_only_the_rooms_it_may()
    {
        var core = Repository.PathTo("Pandora.Core");
        var violations =
            from file in Directory.EnumerateFiles(core, "*.cs", SearchOption.AllDirectories)
            let path = Path.GetRelativePath(core, file).Split(Path.DirectorySeparatorChar)
            where path is [not ("bin" or "obj"), _, ..] // the files beside the rooms compose them and may use all
            let room = path[0]
            from used in UsedRoom().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value).Distinct()
            where used != room && !(MayUse.GetValueOrDefault(room) ?? []).Contains(used)
            select $"{string.Join('/', path)} uses {used}";

        Assert.Empty(violations);
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
            from file in Directory.EnumerateFiles(Repository.PathTo("Pandora.Core", "Gate"), "*.cs")
            where ForeignToTheGate().IsMatch(File.ReadAllText(file))
            select Path.GetFileName(file);

        Assert.Empty(violations);
    }

    // Sound because a namespace equals its folder (IDE0130 is an error).
    [GeneratedRegex(@"\bPandora\.Core\.(\w+)")]
    private static partial Regex UsedRoom();

    [GeneratedRegex(@"Microsoft\.EntityFrameworkCore|Microsoft\.AspNetCore|Google\.Protobuf|Pandora\.Protos|HttpContext")]
    private static partial Regex ForeignToTheGate();
}
