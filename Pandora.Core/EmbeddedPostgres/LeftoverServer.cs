using System.Globalization;
using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>
/// Clears the way after a product that was killed: its server may still run, or its <c>postmaster.pid</c> may name a
/// number that now belongs to somebody else. Only the holder of the directory lock may call this.
/// </summary>
internal static class LeftoverServer
{
    /// <summary>No kernel gives out this number, so the server finds the owner of its lock file dead.</summary>
    private const string NobodysNumber = "2147483647";

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
        var file = Path.Combine(cluster.Data, "postmaster.pid");
        if (!File.Exists(file))
        {
            return;
        }
        var content = await File.ReadAllTextAsync(file, ct);
        var end = content.IndexOf('\n', StringComparison.Ordinal);
        if (end < 0 || !int.TryParse(content[..end], NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
        {
            return;
        }

        if (IsServerOf(pid, content))
        {
            await StopAsync(cluster, binaries, ct);
        }
        else if (File.Exists(file) && new FileInfo(file).LinkTarget is null)
        {
            // Not deleted: its last line lets the server see whether processes of its predecessor still hold shared
            // memory, and wait for them instead of writing beside them.
            await File.WriteAllTextAsync(file, NobodysNumber + content[end..], ct);
        }
    }

    /// <summary>A server's working directory is its data directory, so the file seen from there must be the same one.</summary>
    private static bool IsServerOf(int pid, string content)
    {
        if (!OperatingSystem.IsLinux())
        {
            return true; // pg_ctl looks for itself; numbers are seldom reused soon outside of containers
        }
        try
        {
            return File.ReadAllText($"/proc/{pid}/cwd/postmaster.pid") == content;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static async Task StopAsync(Cluster cluster, PostgresBinaries binaries, CancellationToken ct)
    {
        foreach (var (mode, seconds) in new[] { ("fast", 10), ("immediate", 5) })
        {
            string[] arguments = ["stop", "--pgdata=" + cluster.Data, "--mode=" + mode, $"--timeout={seconds}"];
            var stop = ChildProcesses.Describe(binaries["pg_ctl"], arguments, cluster.Account.User, cluster.Home);
            var result = await ChildProcesses.RunAsync(stop, TimeSpan.FromSeconds(seconds + 5), ct);
            if (result is { ExitCode: 0 } || !File.Exists(Path.Combine(cluster.Data, "postmaster.pid")))
            {
                return;
            }
        }
        if (OperatingSystem.IsLinux())
        {
            throw new StartRefusedException(
                $"A PostgreSQL server left by an earlier run still uses {cluster.Data} and does not stop: end it, then start again.");
        }
    }
}
