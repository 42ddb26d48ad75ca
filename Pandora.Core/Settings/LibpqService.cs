namespace Pandora.Core.Settings;

/// <summary>The service file of libpq, in which sections have names that connection strings refer to.</summary>
internal static class LibpqService
{
    private const string FileName = "pg_service.conf";

    /// <summary>Where installations look that were not told: packages of Debian and of postgresql.org, and its sources.</summary>
    private static readonly string[] SystemDirectories = ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/usr/local/pgsql/etc"];

    /// <param name="variables">Say, as for libpq, where the files are: PGSERVICEFILE or the home, and PGSYSCONFDIR.</param>
    /// <param name="variable">Named in the refusal.</param>
    /// <param name="file">Null: the usual ones.</param>
    /// <exception cref="StartRefusedException">There is no such section, or it is not understood.</exception>
    public static Dictionary<string, string> Read(Variables variables, string variable, string service, string? file)
    {
        string[] files = file is not null ? [file] : [OfUser(variables), .. OfSystem(variables)];
        foreach (var candidate in files.Where(File.Exists))
        {
            try
            {
                if (Section(variable, File.ReadLines(candidate), service) is { } found)
                {
                    return found;
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Variables.Refuse(variable, $"names a service, but {Shown(candidate)} cannot be read by the user {RunningUser.Name}");
            }
        }
        throw Variables.Refuse(variable, $"names a service that is in none of the service files ({string.Join(", ", files.Select(Shown))})");

        // A part of the address is not shown, whatever it is taken for.
        string Shown(string path) => path == file ? "the one in servicefile" : path;
    }

    /// <returns>Null: the section is not there. Of several values for one parameter the first, as in libpq.</returns>
    private static Dictionary<string, string>? Section(string variable, IEnumerable<string> lines, string service)
    {
        Dictionary<string, string>? found = null;
        foreach (var line in lines.Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#'))
        {
            if (line[0] == '[')
            {
                if (found is not null)
                {
                    return found;
                }
                found = line.StartsWith($"[{service}]", StringComparison.Ordinal) ? [] : null;
            }
            else if (found is not null)
            {
                // Another way to say more, an address of LDAP, is libpq's alone.
                if (line.IndexOf('=') is not (> 0 and var equals) || line[..equals] is "service" or "servicefile")
                {
                    throw Variables.Refuse(variable, "names a service whose section is not understood; accepted are lines of name=value");
                }
                found.TryAdd(line[..equals], line[(equals + 1)..]);
            }
        }
        return found;
    }

    private static string OfUser(Variables variables) =>
        variables.Text("PGSERVICEFILE") ?? Path.Combine(variables.Text("HOME") ?? "/", "." + FileName);

    private static IEnumerable<string> OfSystem(Variables variables) =>
        (variables.Text("PGSYSCONFDIR") is { } given ? [given] : SystemDirectories).Select(directory => Path.Combine(directory, FileName));
}
