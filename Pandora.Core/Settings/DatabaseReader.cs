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
    private const string UrlName = "PANDORA_DB_DNS";
    private const string PasswordName = "PANDORA_DB_PASSWORD";
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
        var password = Password(variables);
        return ReadExternal(variables, password) ?? (DatabaseSettings)new DatabaseSettings.Embedded(
            Name(variables, "PANDORA_DB_NAME"),
            Name(variables, "PANDORA_DB_USER"),
            password ?? throw MissingPassword(),
            variables.Text("PANDORA_PG_BIN"),
            variables.Boolean("PANDORA_PG_FETCH", fallback: true));
    }

    /// <summary>The server that somebody else runs, or null when none is configured.</summary>
    public static DatabaseSettings.External? ReadExternal(Variables variables) => ReadExternal(variables, Password(variables));

    private static DatabaseSettings.External? ReadExternal(Variables variables, string? password)
    {
        if (ConnectionStringNames(variables).Select(variables.Text).FirstOrDefault(text => text is not null) is { } connectionString)
        {
            return new DatabaseSettings.External(FromDotNet(variables, connectionString));
        }
        if ((variables.Text(UrlName + Variables.FileSuffix) is null ? variables.Text(UrlName) : variables.Secret(UrlName, "an address")) is { } text)
        {
            return new DatabaseSettings.External(LibpqConnection.Read(variables, UrlName, text));
        }
        return variables.Text("PANDORA_DB_HOST") is null
            && variables.Text("PANDORA_DB_PORT") is null
            && variables.Text("PANDORA_DB_SSLMODE") is null
                ? null
                : new DatabaseSettings.External(FromParts(variables, password ?? throw MissingPassword()));
    }

    /// <summary>In whatever case, as anywhere in .NET; written exactly so it comes first.</summary>
    private static IEnumerable<string> ConnectionStringNames(Variables variables) =>
        variables.Names
            .Where(name => name.Equals(ConnectionStringName, StringComparison.OrdinalIgnoreCase))
            .OrderByDescending(name => name == ConnectionStringName)
            .ThenBy(name => name, StringComparer.Ordinal);

    private static string? Password(Variables variables) => variables.Secret(PasswordName, "any text");

    private static DatabaseAddress FromDotNet(Variables variables, string text)
    {
        NpgsqlConnectionStringBuilder? settings = null;
        try
        {
            settings = new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException or InvalidCastException or KeyNotFoundException)
        {
            // Its message may quote the string, which holds a password.
        }
        if (string.IsNullOrWhiteSpace(settings?.Host))
        {
            throw Variables.Refuse(
                ConnectionStringName,
                "is not understood; accepted is a .NET connection string for PostgreSQL such as Host=…;Port=5432;Database=…;Username=…;Password=…");
        }
        if (settings is { RootCertificate: not null, SslMode: < SslMode.VerifyCA })
        {
            variables.Warn($"{ConnectionStringName}: Root Certificate has no effect with SSL Mode={settings.SslMode}; VerifyCA and VerifyFull verify the server.");
        }
        return DatabaseAddress.Of(variables, ConnectionStringName, settings);
    }

    private static DatabaseAddress FromParts(Variables variables, string password)
    {
        var host = Host(variables.Text("PANDORA_DB_HOST") ?? "localhost");
        var sslMode = variables.OneOf("PANDORA_DB_SSLMODE", SslMode.Prefer, SslModes);
        return DatabaseAddress.Of(variables, "PANDORA_DB_HOST", new NpgsqlConnectionStringBuilder
        {
            Host = host,
            Port = variables.Integer("PANDORA_DB_PORT", DefaultPort, min: 1, max: 65_535),
            SslMode = host.StartsWith('/') ? SslMode.Disable : sslMode, // there is none for sockets, as in libpq
            Database = Name(variables, "PANDORA_DB_NAME"),
            Username = Name(variables, "PANDORA_DB_USER"),
            Password = password,
        });
    }

    private static string Host(string host) =>
        host.StartsWith('/') && !host.Contains(',') || Uri.CheckHostName(host) != UriHostNameType.Unknown
            ? host
            : throw Variables.Refuse(
                "PANDORA_DB_HOST",
                $"is \"{OneLine.Of(host)}\"; accepted is a host name, an address or the directory of a socket (the port goes into PANDORA_DB_PORT)");

    private static string Name(Variables variables, string name)
    {
        var text = variables.Text(name) ?? DefaultName;
        variables.WarnOfWhiteSpace(name, text);
        return Encoding.UTF8.GetByteCount(text) <= MaxNameBytes
            ? text
            : throw Variables.Refuse(name, $"is too long; accepted is a text of 1 to {MaxNameBytes} bytes");
    }

    private static StartRefusedException MissingPassword() => Variables.Refuse(
        PasswordName,
        "is not set; accepted is any text: the password of the database (not needed if PANDORA_DB_DNS or ConnectionStrings__pandora is set)");
}
