using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

/// <summary>The connection pooler of that name between the product and a server. Tests that need it are skipped without.</summary>
internal sealed class PgBouncer : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly Process _process;

    private PgBouncer(DirectoryInfo folder, Process process, string connectionString)
    {
        _folder = folder;
        _process = process;
        ConnectionString = connectionString;
    }

    public string ConnectionString { get; }

    /// <param name="size">How many sessions it keeps for all connections together.</param>
    /// <param name="takesTurns">Whether it goes round them, instead of taking the one that was used last.</param>
    public static async Task<PgBouncer> StartAsync(ForeignServer server, string mode, int size, bool takesTurns)
    {
        var program = Shell.Find("pgbouncer") ?? (File.Exists("/usr/sbin/pgbouncer") ? "/usr/sbin/pgbouncer" : null);
        Assert.SkipUnless(program is not null && OperatingSystem.IsLinux(), "There is no PgBouncer on this machine.");
        var folder = Directory.CreateTempSubdirectory("pandora-pgbouncer-");
        var port = FreePort();
        var settings = Path.Combine(folder.FullName, "pgbouncer.ini");
        var users = Path.Combine(folder.FullName, "users");
        await File.WriteAllTextAsync(users, $"\"pandora\" \"{ForeignServer.Password}\"\n");
        await File.WriteAllTextAsync(
            settings,
            string.Create(CultureInfo.InvariantCulture, $"""
                [databases]
                * = host=127.0.0.1 port={server.Port}
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = {port}
                unix_socket_dir =
                auth_type = scram-sha-256
                auth_file = {users}
                pool_mode = {mode}
                default_pool_size = {size}
                min_pool_size = {size}
                server_round_robin = {(takesTurns ? 1 : 0)}
                max_client_conn = 200
                """));
        await Shell.RunAsync("chmod", "-R", "a+rX", folder.FullName);
        string[] asNobody = Environment.IsPrivilegedProcess ? ["-u", "nobody"] : [];
        var process = Process.Start(new ProcessStartInfo(program, [.. asNobody, settings]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        var connectionString = new NpgsqlConnectionStringBuilder(server.ConnectionString) { Host = "127.0.0.1", Port = port }.ConnectionString;
        await Eventually.HoldsAsync("PgBouncer", () => Task.FromResult(Listens(port)));
        return new PgBouncer(folder, process, connectionString);
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private static bool Listens(int port)
    {
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
