using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;
using Pandora.ServiceDefaults;

namespace Pandora.Core.Settings;

/// <summary>Turns a libpq connection string, in either of its two forms, into one for Npgsql.</summary>
internal static partial class LibpqConnection
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
        var isUrl = text.StartsWith("postgres://", StringComparison.Ordinal) || text.StartsWith("postgresql://", StringComparison.Ordinal);
        var parameters = (isUrl ? ParseUrl(text) : ParseKeywords(text)) ?? throw Variables.Refuse(
            variable,
            "is not understood; accepted is \"host=… port=… dbname=… user=… password='…'\" or postgres://user:password@host:port/database?parameter=value, percent-encoded");

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

    /// <summary>
    /// <c>host=db password='it\'s \\ me'</c>: blanks around <c>=</c> are allowed, quotes hold blanks, and a backslash makes
    /// the next character literal inside and outside of quotes.
    /// </summary>
    /// <returns>Null: it is not in that form.</returns>
    private static Dictionary<string, string>? ParseKeywords(string text)
    {
        var match = Keywords().Match(text);
        return match.Success ? Pairs(match, value => Escaped().Replace(value, "$1")) : null;
    }

    /// <summary>
    /// <c>postgres://user:password@host:port,host2/database?sslmode=require</c>: every part may be missing and may be
    /// percent-encoded; <c>+</c> is a plus sign.
    /// </summary>
    /// <returns>Null: it is not in that form.</returns>
    private static Dictionary<string, string>? ParseUrl(string text)
    {
        var url = Url().Match(text);
        var hosts = url.Groups["hosts"].Value.Split(',').Select(host => HostAndPort().Match(host)).ToList();
        if (!url.Success || !hosts.TrueForAll(host => host.Success) || BadPercent().IsMatch(text))
        {
            return null;
        }
        Dictionary<string, string> parameters = new()
        {
            ["host"] = string.Join(',', hosts.Select(host => Uri.UnescapeDataString(host.Groups["host"].Value))),
            ["port"] = string.Join(',', hosts.Select(host => Uri.UnescapeDataString(host.Groups["port"].Value))),
        };
        foreach (var name in new[] { "user", "password", "dbname" })
        {
            parameters[name] = Uri.UnescapeDataString(url.Groups[name].Value);
        }
        foreach (var (name, value) in Pairs(url, Uri.UnescapeDataString))
        {
            var isJdbc = name == "ssl" && value == "true"; // libpq understands JDBC so far
            parameters[isJdbc ? "sslmode" : name] = isJdbc ? "require" : value;
        }
        return parameters;
    }

    /// <summary>The last value given for a name counts.</summary>
    private static Dictionary<string, string> Pairs(Match match, Func<string, string> decode) =>
        match.Groups["name"].Captures.Zip(match.Groups["value"].Captures)
            .GroupBy(pair => decode(pair.First.Value), pair => decode(pair.Second.Value))
            .ToDictionary(group => group.Key, group => group.Last());

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

        string? Given(string name) => parameters.GetValueOrDefault(name) is { } value && value.Trim(',').Length > 0 ? value : null;

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

    [GeneratedRegex(@"^(?>\s*(?<name>[A-Za-z0-9_]+)\s*=\s*('(?<value>(\\.|[^'\\])*)'|(?!')(?<value>(\\.|[^\s\\])*\\?)))+\s*$", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Keywords();

    [GeneratedRegex(@"\\(.?)", RegexOptions.Singleline)]
    private static partial Regex Escaped();

    [GeneratedRegex(@"^\w+://((?<user>[^:@/]*)(:(?<password>[^@/]*))?@)?(?<hosts>[^/?]*)(/(?<dbname>[^?]*))?(\?((?<name>[^=&]+)=(?<value>[^&]*)(&+|$))*)?$", RegexOptions.ExplicitCapture)]
    private static partial Regex Url();

    [GeneratedRegex(@"^(\[(?<host>[^\]]*)\]|(?<host>[^:\[]*))(:(?<port>.*))?$", RegexOptions.ExplicitCapture)]
    private static partial Regex HostAndPort();

    /// <summary>What <see cref="Uri.UnescapeDataString(string)"/> would let pass, and what no text of PostgreSQL can hold.</summary>
    [GeneratedRegex("%(?![0-9A-Fa-f]{2})|%00")]
    private static partial Regex BadPercent();
}
