using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Pandora.Core.Persistence.Migrations;

/// <summary>One numbered step of the schema, from <c>Migrations/NNNN_name.sql</c>.</summary>
internal sealed partial record Migration(int Version, string Name, string Sql)
{
    private const string Folder = "Migrations/";

    /// <summary>Those of this binary, in order.</summary>
    public static IReadOnlyList<Migration> All { get; } = Load(typeof(Migration).Assembly);

    /// <summary>The tables that it makes, partitions included; a later one may drop them.</summary>
    public IEnumerable<string> Tables => CreateTable().Matches(Sql).Select(match => match.Groups[1].Value);

    private static List<Migration> Load(Assembly assembly) =>
    [
        .. assembly.GetManifestResourceNames()
            .Where(resource => resource.StartsWith(Folder, StringComparison.Ordinal))
            .Select(resource => Load(assembly, resource))
            .OrderBy(migration => migration.Version),
    ];

    private static Migration Load(Assembly assembly, string resource)
    {
        var name = Path.GetFileNameWithoutExtension(resource[Folder.Length..]);
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
        return new Migration(
            int.Parse(name.AsSpan(0, name.IndexOf('_', StringComparison.Ordinal)), NumberStyles.None, CultureInfo.InvariantCulture),
            name,
            reader.ReadToEnd());
    }

    [GeneratedRegex(@"^CREATE TABLE (\w+)", RegexOptions.Multiline)]
    private static partial Regex CreateTable();
}
