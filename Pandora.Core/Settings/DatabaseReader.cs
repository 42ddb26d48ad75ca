using System.Text;
using Npgsql;
using Pandora.ServiceDefaults;

namespace Pandora.Core.Settings;

/// <summary>
/// Chooses the database: <c>ConnectionStrings__pandora</c>, else <c>PANDORA_DB_DNS</c>, else an external server if its
/// host, port or TLS mode is set, else a private PostgreSQL.
/// </summary>
internal static class DatabaseReader
{
    private const string ConnectionStringName = "ConnectionStrings__pandora";
    private const string DefaultName = "pandora";
    private const int DefaultPort = 5432;

    /// <summary>Longer names are cut off by PostgreSQL, without an error.</summary>
    private const int MaxNameBytes = 63;

    /// <summary>The words of libpq and what Npgsql calls them.</summary>
    internal static readonly IReadOnlyDictionary<string, SslMode> SslModes = new Dictionary<string, SslMode>
    {
        ["disable"] = SslMode.Disable,
        ["allow"] = SslMode.Allow,
        ["prefer"] = SslMode.Prefer,
        ["require"] = SslMode.Require,
        ["verify-ca"] = SslMode.VerifyCA,
        ["verify-full"] = SslMode.VerifyFull,
    };

    public static DatabaseSettings Read(Variables variables)
    {
        // Read in any case: a password that is set but empty is refused even where it would not be used.
        var password = variables.Secret("PANDORA_DB_PASSWORD", "any text");
        return ReadExternal(variables) ?? (DatabaseSettings)new DatabaseSettings.Embedded(
            Name(variables, "PANDORA_DB_NAME"),
            Name(variables, "PANDORA_DB_USER"),
            password ?? throw MissingPassword(),
            variables.Text("PANDORA_PG_BIN"),
            variables.Boolean("PANDORA_PG_FETCH", fallback: true));
    }

    /// <summary>The server that somebody else runs, or null when none is configured.</summary>
    public static DatabaseSettings.External? ReadExternal(Variables variables)
    {
        var connectionString = variables.Text(ConnectionStringName) ?? variables.Text(ConnectionStringName.ToUpperInvariant());
        if (connectionString is not null)
        {
            return new DatabaseSettings.External(FromDotNet(connectionString));
        }
        if (variables.Text("PANDORA_DB_DNS") is { } text)
        {
            return new DatabaseSettings.External(LibpqConnection.ToNpgsql("PANDORA_DB_DNS", text));
        }
        return variables.Text("PANDORA_DB_HOST") is null
            && variables.Text("PANDORA_DB_PORT") is null
            && variables.Text("PANDORA_DB_SSLMODE") is null
                ? null
                : new DatabaseSettings.External(FromParts(variables));
    }

    private static string FromDotNet(string text)
    {
        try
        {
            var builder = new NpgsqlConnectionStringBuilder(text);
            if (!string.IsNullOrWhiteSpace(builder.Host))
            {
                return builder.ConnectionString;
            }
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException or InvalidCastException or KeyNotFoundException)
        {
            // Its message may quote the string, which holds a password.
        }
        throw Variables.Refuse(
            ConnectionStringName,
            "is not understood; accepted is a .NET connection string for PostgreSQL such as Host=…;Port=5432;Database=…;Username=…;Password=…");
    }

    private static string FromParts(Variables variables) =>
        new NpgsqlConnectionStringBuilder
        {
            Host = Host(variables.Text("PANDORA_DB_HOST") ?? "localhost"),
            Port = variables.Integer("PANDORA_DB_PORT", DefaultPort, min: 1, max: 65_535),
            SslMode = variables.OneOf("PANDORA_DB_SSLMODE", SslMode.Prefer, SslModes),
            Database = Name(variables, "PANDORA_DB_NAME"),
            Username = Name(variables, "PANDORA_DB_USER"),
            Password = variables.Secret("PANDORA_DB_PASSWORD", "any text") ?? throw MissingPassword(),
        }.ConnectionString;

    private static string Host(string host) =>
        host.StartsWith('/') && !host.Contains(',') || Uri.CheckHostName(host) != UriHostNameType.Unknown
            ? host
            : throw Variables.Refuse(
                "PANDORA_DB_HOST",
                $"is \"{OneLine.Of(host)}\"; accepted is a host name, an address or the directory of a socket (the port goes into PANDORA_DB_PORT)");

    private static string Name(Variables variables, string name)
    {
        var text = variables.Text(name) ?? DefaultName;
        return Encoding.UTF8.GetByteCount(text) <= MaxNameBytes
            ? text
            : throw Variables.Refuse(name, $"is too long; accepted is a text of 1 to {MaxNameBytes} bytes");
    }

    private static StartRefusedException MissingPassword() => Variables.Refuse(
        "PANDORA_DB_PASSWORD",
        "is not set; accepted is any text: the password of the database (not needed if PANDORA_DB_DNS or ConnectionStrings__pandora is set)");
}
