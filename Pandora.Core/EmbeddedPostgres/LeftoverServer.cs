using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>
/// Clears the way after a product that was killed: its server may still run, or its <c>postmaster.pid</c> may name a
/// number that now belongs to somebody else. Only the holder of the directory lock may call this.
/// </summary>
internal static class LeftoverServer
{
    /// <summary>No kernel gives out this process id, so the server finds the owner of its lock file dead.</summary>
    private const string UnusedProcessId = "2147483647";

    /// <summary>Longer than a server takes to write its lock file, which it does at once when it starts.</summary>
    private static readonly TimeSpan WritingLimit = TimeSpan.FromSeconds(1);

    public static async Task ClearAsync(Cluster cluster, PostgresBinaries binaries, CancellationToken ct)
    {
        await ClearDataAsync(cluster, binaries, ct);
        // Now nobody serves here. What a killed server left in its socket directory names a number too, and a server
        // that finds the number taken refuses to start.
        var sockets = new DirectoryInfo(cluster.SocketDirectory);
        foreach (var left in sockets.Exists ? sockets.EnumerateFileSystemInfos(".s.PGSQL.*") : [])
        {
            left.Delete();
        }
    }

    private static async Task ClearDataAsync(Cluster cluster, PostgresBinaries binaries, CancellationToken ct)
    {
        var file = PostmasterPid.PathIn(cluster.Data);
        if (PostmasterPid.Read(cluster.Data) is not { } left)
        {
            return;
        }
        if (left.ProcessId is not { } processId)
        {
            await ClearUnfinishedAsync(cluster, file, left, ct);
            return;
        }
        if (IsServerOf(left, processId))
        {
            await StopAsync(cluster, binaries, ct);
        }
        else if (new FileInfo(file) is { Exists: true, LinkTarget: null })
        {
            // Not deleted: its last line lets the server see whether processes of its predecessor still hold shared
            // memory, and wait for them instead of writing beside them.
            await File.WriteAllTextAsync(file, UnusedProcessId + left.Text[left.Text.IndexOf('\n')..], ct);
        }
    }

    /// <summary>
    /// A file that names nobody, as a full disk, a power cut or a restore leaves it, keeps every server from starting. One
    /// that is being written now is left alone.
    /// </summary>
    private static async Task ClearUnfinishedAsync(Cluster cluster, string file, PostmasterPid left, CancellationToken ct)
    {
        await Task.Delay(WritingLimit, ct);
        if (PostmasterPid.Read(cluster.Data) != left)
        {
            return;
        }
        if (IsServed(cluster.Data))
        {
            throw StillThere(cluster);
        }
        File.Delete(file);
    }

    private static bool IsServed(string data) =>
        OperatingSystem.IsLinux() && Directory.EnumerateDirectories("/proc").Any(process =>
        {
            try
            {
                return Directory.ResolveLinkTarget(Path.Combine(process, "cwd"), returnFinalTarget: false)?.FullName == data;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return false; // it has ended, is no process, or is somebody else's
            }
        });

    private static StartRefusedException StillThere(Cluster cluster) => new(
        $"A PostgreSQL server left by an earlier run still uses {cluster.Data} and does not stop: end it, then start again.");

    /// <summary>A server's working directory is its data directory, so the file seen from there must be the same one.</summary>
    private static bool IsServerOf(PostmasterPid left, int processId) =>
        // Elsewhere pg_ctl looks for itself; process ids are seldom reused soon outside of containers.
        !OperatingSystem.IsLinux() || PostmasterPid.Read($"/proc/{processId}/cwd") == left;

    private static async Task StopAsync(Cluster cluster, PostgresBinaries binaries, CancellationToken ct)
    {
        foreach (var (mode, seconds) in new[] { ("fast", 10), ("immediate", 5) })
        {
            string[] arguments = ["stop", "--pgdata=" + cluster.Data, "--mode=" + mode, $"--timeout={seconds}"];
            var stop = ChildProcesses.Describe(binaries["pg_ctl"], arguments, cluster.Account.User, cluster.Home);
            var result = await ChildProcesses.RunAsync(stop, TimeSpan.FromSeconds(seconds + 5), ct);
            if (result is { ExitCode: 0 } || !File.Exists(PostmasterPid.PathIn(cluster.Data)))
            {
                return;
            }
        }
        if (OperatingSystem.IsLinux())
        {
            throw StillThere(cluster);
        }
    }
}
