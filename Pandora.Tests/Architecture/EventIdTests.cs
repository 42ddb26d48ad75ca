using System.Reflection;
using Microsoft.Extensions.Logging;
using Pandora.Core;
using Pandora.ServiceDefaults;
using Pandora.Tests.Documentation;

namespace Pandora.Tests.Architecture;

/// <summary>
/// Event ids tell log lines apart whatever their wording: one id and one name for each event, in the range of its room,
/// listed in docs/observability.md.
/// </summary>
public sealed class EventIdTests
{
    /// <summary>First id of a room; its range ends before the next room's first.</summary>
    private static readonly SortedList<int, string> Ranges = new()
    {
        [1000] = "Pandora.Core",
        [1050] = "Pandora.MigrationService",
        [1060] = "Pandora.ServiceDefaults",
        [1100] = "Rest",
        [1200] = "Transport",
        [2000] = "EmbeddedPostgres",
        [2100] = "Persistence",
        [3000] = "Security",
        [4000] = "Gate",
        [5000] = "Rpc",
    };

    private static readonly Assembly[] Programs =
        [typeof(PandoraNode).Assembly, typeof(ServiceDefaultsExtensions).Assembly, Assembly.Load("Pandora.MigrationService")];

    [Fact]
    public void Every_event_has_an_id_and_a_name_of_its_own_in_the_range_of_its_room()
    {
        var found = Events();

        Assert.NotEmpty(found);
        Assert.Empty(found.GroupBy(e => e.Id).Where(same => same.Count() > 1).Select(same => same.Key));
        Assert.Empty(found.GroupBy(e => e.Name).Where(same => same.Count() > 1).Select(same => same.Key));
        Assert.DoesNotContain(found, e => Ranges.Last(range => range.Key <= e.Id).Value != e.Room);
    }

    [Fact]
    public void The_document_lists_every_event_with_its_name_and_level_and_no_other()
    {
        var listed = MarkdownFile.Open("docs", "observability.md").Table("## Events")
            .Select(row => $"{row[0]} {MarkdownFile.CodeIn(row[1]).Single()} {row[2]}");

        Assert.Equal(Events().OrderBy(e => e.Id).Select(e => $"{e.Id} {e.Name} {e.Level}"), listed);
    }

    [Fact]
    public void No_event_has_room_for_a_secret()
    {
        string[] secrets = ["password", "secret", "token", "apikey", "key", "hash", "connectionstring", "pepper"];

        var suspicious =
            from e in Events()
            from parameter in e.Parameters
            where secrets.Contains(parameter, StringComparer.OrdinalIgnoreCase)
            select $"{e.Name}({parameter})";

        Assert.Empty(suspicious);
    }

    private static List<Event> Events() =>
    [
        .. from program in Programs
           from type in program.GetTypes()
           from method in type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
           let message = method.GetCustomAttribute<LoggerMessageAttribute>()
           where message is not null
           select new Event(
               message.EventId,
               message.EventName ?? method.Name,
               message.Level.ToString(),
               RoomOf(type),
               [.. method.GetParameters().Select(parameter => parameter.Name!)]),
    ];

    private static string RoomOf(Type type)
    {
        const string core = "Pandora.Core.";
        var place = type.Namespace ?? type.Assembly.GetName().Name!;
        return place.StartsWith(core, StringComparison.Ordinal) ? place[core.Length..].Split('.')[0] : place;
    }

    private sealed record Event(int Id, string Name, string Level, string Room, string[] Parameters);
}
