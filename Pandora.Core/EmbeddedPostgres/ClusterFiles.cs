using System.Globalization;
using System.Runtime.Versioning;
using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>
/// Repairs what mounting, copying and restoring do to the files of a cluster. PostgreSQL starts only on a directory that
/// belongs to its own user and that no other can change, and says no more than that.
/// </summary>
internal static partial class ClusterFiles
{
    private const UnixFileMode OwnerOnly = PrivateFiles.OwnerReadsAndWrites | UnixFileMode.UserExecute;

    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Directories that initdb makes and that PostgreSQL misses, in the order in which they lie in each other.</summary>
    private static readonly string[] OftenEmpty =
    [
        "pg_commit_ts", "pg_dynshmem", "pg_logical", "pg_logical/mappings", "pg_logical/snapshots", "pg_notify", "pg_replslot", "pg_serial",
        "pg_snapshots", "pg_stat", "pg_stat_tmp", "pg_subtrans", "pg_tblspc", "pg_twophase", "pg_wal/archive_status",
    ];

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>To be called for a cluster that exists and that nobody serves.</summary>
    /// <exception cref="StartRefusedException">Only somebody else can repair it; the message has the command.</exception>
    public static async Task RepairAsync(Cluster cluster, ILogger logger, CancellationToken ct)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        await RepairOwnerAsync(cluster, logger, ct);
        // Copies leave out what is empty. What has lost more than that is no longer whole, and PostgreSQL says so.
        foreach (var directory in OftenEmpty.Select(name => Path.Combine(cluster.Data, name)).Append(cluster.SocketDirectory))
        {
            if (!Directory.Exists(directory) && Directory.Exists(Path.GetDirectoryName(directory)))
            {
                PrivateFiles.CreateDirectory(directory);
                await cluster.Account.GiveAsync(directory, ct);
            }
        }
        foreach (var (path, mode) in new[]
                 {
                     (cluster.Home, OwnerOnly), (cluster.Data, OwnerOnly), (cluster.SocketDirectory, OwnerOnly),
                     (cluster.SuperuserFile, PrivateFiles.OwnerReadsAndWrites),
                 })
        {
            if (Path.Exists(path) && (File.GetUnixFileMode(path) & Others) != 0)
            {
                Narrow(cluster, path, mode, logger);
            }
        }
    }

    /// <summary>Looks at the files that PostgreSQL needs first; a restore gives all or none of them to somebody else.</summary>
    private static async Task RepairOwnerAsync(Cluster cluster, ILogger logger, CancellationToken ct)
    {
        var wanted = await cluster.Account.UserIdAsync(ct);
        string[] paths = [cluster.Home, cluster.Data, Path.Combine(cluster.Data, "PG_VERSION"), Path.Combine(cluster.Data, "global", "pg_control")];
        string[] format = OperatingSystem.IsLinux() ? ["-c", "%u"] : ["-f", "%u"];
        var stat = ChildProcesses.Describe("stat", [.. format, .. paths.Where(Path.Exists)], user: null, "/");
        if (await ChildProcesses.RunAsync(stat, Limit, ct) is not { ExitCode: 0 } owners || wanted is null)
        {
            return; // then PostgreSQL says what it thinks of it
        }
        var other = owners.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .FirstOrDefault(owner => owner != wanted);
        if (other is null)
        {
            return;
        }
        if (cluster.Account.User is null)
        {
            throw new StartRefusedException(
                $"The private database in {cluster.Home} has files of another user ({other}), perhaps since it was restored: give them to the user that runs Pandora Core, as root, with \"{Command(cluster)}\".");
        }
        await cluster.Account.GiveAsync(cluster.Home, ct);
        Log.Given(logger, cluster.Home, other, cluster.Account.User);
    }

    [UnsupportedOSPlatform("windows")]
    private static void Narrow(Cluster cluster, string path, UnixFileMode mode, ILogger logger)
    {
        try
        {
            File.SetUnixFileMode(path, mode);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException(
                $"{path} can be entered or changed by others than the user that runs Pandora Core, which PostgreSQL does not accept: run \"chmod -R go-rwx {cluster.Home}\" as its owner.");
        }
        Log.Narrowed(logger, path);
    }

    /// <summary>What root has to run to give the files to the user of this process.</summary>
    public static string Command(Cluster cluster) =>
        string.Create(CultureInfo.InvariantCulture, $"chown -R {RunningUser.Id}:{RunningUser.GroupId} {cluster.Home}");

    private static partial class Log
    {
        [LoggerMessage(2007, LogLevel.Warning, "{Path} could be entered or read by other users than its own, as some volumes make it, and cannot any more.")]
        public static partial void Narrowed(ILogger logger, string path);

        [LoggerMessage(2008, LogLevel.Warning, "{Directory} had files of another user ({Other}) and was given to {User}, who runs the private database.")]
        public static partial void Given(ILogger logger, string directory, string other, string user);
    }
}
