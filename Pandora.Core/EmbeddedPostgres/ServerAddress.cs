using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Npgsql;
using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>How to reach the private server: its socket, or a loopback port where a socket cannot be.</summary>
/// <param name="Host">A socket directory or <c>127.0.0.1</c>.</param>
internal sealed record ServerAddress(string Host, int Port)
{
    private const int SocketPort = 5432;

    /// <summary>Kernels keep a socket's path in 104 to 108 bytes; the server appends <c>/.s.PGSQL.5432.lock</c>.</summary>
    private const int LongestSocketDirectory = 85;

    private bool IsSocket => Host != IPAddress.Loopback.ToString();

    public static ServerAddress For(string socketDirectory) =>
        !OperatingSystem.IsWindows()
        && Encoding.UTF8.GetByteCount(socketDirectory) <= LongestSocketDirectory
        && socketDirectory.AsSpan().IndexOfAny(",\"'\\:") < 0 // would need quoting in two languages
            ? new ServerAddress(socketDirectory, SocketPort)
            : OnLoopback(FreePort());

    public static ServerAddress OnLoopback(int port) => new(IPAddress.Loopback.ToString(), port);

    public IEnumerable<KeyValuePair<string, string>> ServerSettings =>
    [
        new("listen_addresses", IsSocket ? "" : Host),
        new("unix_socket_directories", IsSocket ? Host : ""),
        new("port", Port.ToString(CultureInfo.InvariantCulture)),
    ];

    public DatabaseAddress For(string user, string password, string database, bool pooling) =>
        DatabaseAddress.Carrying(Settings(user, password, database, pooling));

    /// <summary>Of names and a password that do not end with a line break.</summary>
    public string ConnectionString(string user, string password, string database, bool pooling) =>
        Settings(user, password, database, pooling).ConnectionString;

    private NpgsqlConnectionStringBuilder Settings(string user, string password, string database, bool pooling) =>
        new()
        {
            Host = Host,
            Port = Port,
            Username = user,
            Password = password,
            Database = database,
            Pooling = pooling,
            SslMode = SslMode.Disable,
            GssEncryptionMode = GssEncryptionMode.Disable,
        };

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
