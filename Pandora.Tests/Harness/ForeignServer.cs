using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pandora.Core.EmbeddedPostgres;
using Pandora.Tests.Operation;

namespace Pandora.Tests.Harness;

/// <summary>A PostgreSQL as somebody else runs it: on a port of the loopback interface and on a socket, with TLS if asked.</summary>
internal sealed class ForeignServer : IAsyncDisposable
{
    public const string Password = "foreign";

    private readonly DataFolder _folder = new();
    private PrivatePostgres? _postgres;

    private ForeignServer()
    {
    }

    public int Port { get; } = FreePort();

    public string SocketDirectory => Path.Combine(_folder.Path, "postgres", "socket");

    /// <summary>As the role <c>pandora</c>, who owns the database <c>pandora</c>.</summary>
    public string ConnectionString => _postgres!.ConnectionString;

    /// <summary>Where its programs are, <c>psql</c> often among them.</summary>
    public string Programs => _postgres!.BinariesDirectory;

    public static async Task<ForeignServer> StartAsync()
    {
        var server = new ForeignServer();
        server._postgres = await PrivatePostgres.StartAsync(
            new PrivatePostgresOptions
            {
                DataDirectory = server._folder.Path,
                Database = new("pandora", "pandora", Password, TestServer.BinariesDirectory),
                Port = server.Port,
                ServerSettings = new Dictionary<string, string> { ["fsync"] = "off", ["unix_socket_directories"] = server.SocketDirectory },
            },
            NullLogger.Instance,
            CancellationToken.None);
        return server;
    }

    /// <summary>Runs statements as the superuser, each in a transaction of its own.</summary>
    public Task ExecuteAsync(params IEnumerable<string> statements) => ExecuteInAsync("postgres", statements);

    /// <inheritdoc cref="ExecuteAsync"/>
    public async Task ExecuteInAsync(string database, IEnumerable<string> statements)
    {
        await using var source = NpgsqlDataSource.Create(_postgres!.SuperuserConnectionStringFor(database));
        await using var connection = await source.OpenConnectionAsync();
        foreach (var statement in statements)
        {
            await using var command = new NpgsqlCommand(statement, connection);
            await command.ExecuteNonQueryAsync();
        }
    }

    /// <summary>From now on new connections may use TLS, with this certificate.</summary>
    public async Task UseTlsAsync(X509Certificate2 certificate)
    {
        var (certificateFile, keyFile) = (Path.Combine(_folder.Cluster, "tls.crt"), Path.Combine(_folder.Cluster, "tls.key"));
        await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(keyFile, certificate.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem());
        await Shell.RunAsync("chmod", "0600", keyFile);
        await Shell.RunAsync("chown", "--reference=" + Path.Combine(_folder.Cluster, "PG_VERSION"), certificateFile, keyFile);
        await ExecuteAsync(
            "ALTER SYSTEM SET ssl_cert_file = 'tls.crt'", "ALTER SYSTEM SET ssl_key_file = 'tls.key'", "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()");
        await Eventually.HoldsAsync("TLS", async () =>
        {
            await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(ConnectionString) { SslMode = SslMode.Prefer, Pooling = false });
            await using var command = source.CreateCommand("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
            return await command.ExecuteScalarAsync() is true;
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _postgres!.DisposeAsync();
        _folder.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
