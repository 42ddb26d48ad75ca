using System.Globalization;
using Npgsql;
using Pandora.ServiceDefaults;

namespace Pandora.Core.Settings;

/// <summary>Turns a libpq connection string, in either of its two forms, into one for Npgsql.</summary>
internal static class LibpqConnection
{
    /// <summary>How a libpq parameter is told to Npgsql. Throws <see cref="FormatException"/> for values it does not accept.</summary>
    private static readonly Dictionary<string, Action<NpgsqlConnectionStringBuilder, string>> Parameters = new()
    {
        ["dbname"] = (to, value) => to.Database = value,
        ["user"] = (to, value) => to.Username = value,
        ["password"] = (to, value) => to.Password = value,
        ["passfile"] = (to, value) => to.Passfile = value,
        ["sslmode"] = (to, value) => to.SslMode = DatabaseReader.SslModes.TryGetValue(value, out var mode) ? mode : throw new FormatException(),
        ["sslrootcert"] = (to, value) => to.RootCertificate = value,
        ["sslcert"] = (to, value) => to.SslCertificate = value,
        ["sslkey"] = (to, value) => to.SslKey = value,
        ["sslpassword"] = (to, value) => to.SslPassword = value,
        ["sslnegotiation"] = (to, value) => to.SslNegotiation = Word<SslNegotiation>(value),
        ["channel_binding"] = (to, value) => to.ChannelBinding = Word<ChannelBinding>(value),
        ["gssencmode"] = (to, value) => to.GssEncryptionMode = Word<GssEncryptionMode>(value),
        ["krbsrvname"] = (to, value) => to.KerberosServiceName = value,
        ["require_auth"] = (to, value) => to.RequireAuth = value,
        ["application_name"] = (to, value) => to.ApplicationName = value,
        ["fallback_application_name"] = (to, value) => to.ApplicationName ??= value,
        ["options"] = (to, value) => to.Options = value,
        ["client_encoding"] = (_, value) => OnlyUtf8(value),
        ["connect_timeout"] = (to, value) => to.Timeout = Math.Max(0, Number(value)), // libpq: 0 and below wait for ever
        ["keepalives"] = (to, value) => to.TcpKeepAlive = Number(value) != 0,
        ["keepalives_idle"] = (to, value) => to.TcpKeepAliveTime = Number(value),
        ["keepalives_interval"] = (to, value) => to.TcpKeepAliveInterval = Number(value),
        ["target_session_attrs"] = (to, value) => to.TargetSessionAttributes = value,
        ["load_balance_hosts"] = (to, value) => to.LoadBalanceHosts = value switch
        {
            "random" => true,
            "disable" => false,
            _ => throw new FormatException(),
        },
    };

    /// <param name="variable">Named in the refusal.</param>
    /// <exception cref="StartRefusedException">Not a libpq connection string, or one that asks for what Pandora cannot do.</exception>
    public static string ToNpgsql(string variable, string text)
    {
        var parameters = text.StartsWith("postgres://", StringComparison.Ordinal) || text.StartsWith("postgresql://", StringComparison.Ordinal)
            ? LibpqUrl.Parse(variable, text)
            : LibpqKeywords.Parse(variable, text);

        var builder = new NpgsqlConnectionStringBuilder();
        foreach (var (name, value) in parameters)
        {
            if (name is "host" or "hostaddr" or "port" || value.Length == 0)
            {
                continue;
            }
            if (!Parameters.TryGetValue(name, out var apply))
            {
                throw Variables.Refuse(
                    variable, $"has the parameter \"{OneLine.Of(name)}\"; accepted are host, hostaddr, port, {string.Join(", ", Parameters.Keys)}");
            }
            try
            {
                apply(builder, value);
            }
            catch (Exception e) when (e is FormatException or ArgumentException or OverflowException)
            {
                throw Variables.Refuse(variable, $"has a value for {name} that is not accepted; see the connection parameters of libpq");
            }
        }
        SetHosts(variable, parameters, builder);
        return builder.ConnectionString;
    }

    /// <summary>libpq keeps lists of hosts and ports apart, Npgsql wants them in pairs.</summary>
    private static void SetHosts(
        string variable, IReadOnlyDictionary<string, string> parameters, NpgsqlConnectionStringBuilder builder)
    {
        var hosts = (Given("hostaddr") ?? Given("host") ?? "localhost").Split(',');
        var ports = (Given("port") ?? "").Split(',');
        if (ports.Length != 1 && ports.Length != hosts.Length)
        {
            throw Variables.Refuse(variable, "has another number of ports than of hosts");
        }
        if (hosts is [var only])
        {
            builder.Host = only;
            builder.Port = Port(ports[0]);
            return;
        }
        if (hosts.Any(host => host.StartsWith('/')))
        {
            throw Variables.Refuse(variable, "has a socket directory in a list of hosts; accepted is one socket directory, or a list of names and addresses");
        }
        builder.Host = string.Join(',', hosts.Select((host, i) => Pair(host, Port(ports[ports.Length == 1 ? 0 : i]))));

        string? Given(string name) => parameters.GetValueOrDefault(name) is { Length: > 0 } value ? value : null;

        static string Pair(string host, int port)
        {
            var name = host.Length == 0 ? "localhost" : host.Contains(':') ? $"[{host}]" : host;
            return string.Create(CultureInfo.InvariantCulture, $"{name}:{port}");
        }

        int Port(string text) =>
            text.Length == 0 ? NpgsqlConnection.DefaultPort
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var given) && given is >= 1 and <= 65_535 ? given
            : throw Variables.Refuse(variable, "has a port that is not accepted; accepted is 1 to 65535");
    }

    private static int Number(string value) => int.Parse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    private static T Word<T>(string value)
        where T : struct, Enum =>
        Enum.TryParse<T>(value, ignoreCase: true, out var word) && char.IsLetter(value[0]) ? word : throw new FormatException();

    private static void OnlyUtf8(string value)
    {
        if (value.ToUpperInvariant() is not ("UTF8" or "UTF-8" or "AUTO"))
        {
            throw new FormatException();
        }
    }
}
