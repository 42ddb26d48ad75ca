using System.Globalization;
using System.Security.Cryptography;
using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>The files of the private PostgreSQL below the data directory.</summary>
/// <remarks>
/// <c>postgres/data</c> is the cluster, <c>postgres/socket</c> its socket, <c>postgres/superuser</c> the password of its
/// superuser (mode 0600).
/// </remarks>
internal sealed class Cluster(string dataDirectory, ServerAccount account)
{
    public const string Superuser = "pandora_superuser";

    private static readonly TimeSpan InitLimit = TimeSpan.FromMinutes(2);

    public string Home { get; } = HomeBelow(dataDirectory);

    public string Data { get; } = DataBelow(dataDirectory);

    public string SocketDirectory => Path.Combine(Home, "socket");

    public string SuperuserFile => Path.Combine(Home, "superuser");

    public ServerAccount Account => account;

    /// <summary>Where the data are, or would be.</summary>
    public static string DataBelow(string dataDirectory) => Path.Combine(HomeBelow(dataDirectory), "data");

    private static string HomeBelow(string dataDirectory) => Path.Combine(dataDirectory, "postgres");

    /// <summary>Version that made the cluster, or null when there is none yet.</summary>
    public int? ReadMajor()
    {
        if (!Directory.Exists(Home))
        {
            return null;
        }
        try
        {
            // To list a directory says whether it may be entered; of a file in it one would only learn that it is not there.
            if (!Directory.EnumerateFileSystemEntries(Home).Any()
                || !Directory.Exists(Data) || Directory.EnumerateFiles(Data, "PG_VERSION").FirstOrDefault() is not { } file)
            {
                throw NotACluster();
            }
            return int.TryParse(File.ReadAllText(file).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var major)
                ? major
                : throw NotACluster();
        }
        catch (UnauthorizedAccessException)
        {
            throw new StartRefusedException(
                $"{Home} belongs to another user than {RunningUser.Name}: start Pandora Core as the user that created it, give it to this one, as root, with \"{ClusterFiles.Command(this)}\", or choose another PANDORA_DIR.");
        }
    }

    public string ReadSuperuserPassword()
    {
        try
        {
            return File.ReadAllText(SuperuserFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException(
                $"The private database's {SuperuserFile} cannot be read: restore the file, or let the user that runs Pandora Core read it.");
        }
    }

    /// <summary>Makes the cluster. Complete afterwards or not there at all, whenever the machine stops.</summary>
    /// <param name="initdbArguments">Beside our own, for example <c>--no-sync</c> in tests.</param>
    public async Task CreateAsync(PostgresBinaries binaries, IEnumerable<string> initdbArguments, CancellationToken ct)
    {
        var partial = PartialDirectory.Create(Home);
        PrivateFiles.CreateDirectory(Path.Combine(partial, "socket"));
        var password = Path.Combine(partial, "superuser");
        PrivateFiles.Write(password, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)));
        var names = Path.Combine(partial, "names");
        PrivateFiles.CreateDirectory(names);
        await account.GiveAsync(partial, ct);

        string[] arguments =
        [
            "--pgdata=" + Path.Combine(partial, "data"), "--username=" + Superuser, "--pwfile=" + password,
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", .. initdbArguments,
        ];
        var initdb = await NamelessUser.DescribeAsync(binaries["initdb"], arguments, account.User, names, ct);
        var result = await ChildProcesses.RunAsync(initdb, InitLimit, ct);
        if (result is not { ExitCode: 0 })
        {
            throw new StartRefusedException(
                $"The private database cannot be created below {dataDirectory}: {result?.Reason ?? "initdb cannot be executed"}");
        }

        Directory.Delete(names, recursive: true);
        Directory.Move(partial, Home);
        // Or a power cut could bring back the old name of a cluster that already holds data.
        PrivateFiles.FlushDirectory(dataDirectory);
    }

    private StartRefusedException NotACluster() => new(
        $"{Home} exists but holds no PostgreSQL data: restore it from a backup, or move it away to begin with an empty database.");
}
