using System.Globalization;
using System.Net;
using System.Security.Authentication;
using Npgsql;

namespace Pandora.Core.Settings;

/// <summary>
/// Turns a libpq connection string into an address for Npgsql. What <c>psql</c> takes is taken: a parameter has its
/// meaning; or, if it only tunes and Npgsql has nothing like it, it is ignored with a warning; or, if it protects and
/// cannot be honoured, it is refused by its name.
/// </summary>
internal sealed class LibpqConnection
{
    private const string SystemRoots = "system";
    private const string Require = "require";
    private const string VerifyFull = "verify-full";

    /// <summary>Npgsql accepts no more seconds; the node's own limits are far below.</summary>
    private const int LongestTimeout = 1024;

    /// <summary>What parameters mean. Throws <see cref="FormatException"/> for values that are not accepted.</summary>
    private static readonly Dictionary<string, Action<LibpqConnection, string>> Meanings = new()
    {
        // Several of these together say one thing; see SetHosts and SetTls.
        ["host"] = Together,
        ["hostaddr"] = Together,
        ["port"] = Together,
        ["sslmode"] = Together,
        ["sslrootcert"] = Together,
        ["sslcert"] = Together,
        ["sslkey"] = Together,
        ["ssl_min_protocol_version"] = Together,
        ["ssl_max_protocol_version"] = Together,
        ["keepalives"] = Together,
        ["keepalives_idle"] = Together,
        ["keepalives_interval"] = Together,
        ["application_name"] = Together,
        ["fallback_application_name"] = Together,
        ["service"] = Together,
        ["servicefile"] = Together,

        ["dbname"] = (to, value) => to._settings.Database = value,
        ["user"] = (to, value) => to._settings.Username = value,
        ["password"] = (to, value) => to._settings.Password = value,
        ["passfile"] = (to, value) => to.SetPasswordFile(value),
        ["sslpassword"] = (to, value) => to._settings.SslPassword = value,
        ["sslnegotiation"] = (to, value) => to._settings.SslNegotiation = Word<SslNegotiation>(value),
        ["channel_binding"] = (to, value) => to._settings.ChannelBinding = Word<ChannelBinding>(value),
        ["gssencmode"] = (to, value) => to._settings.GssEncryptionMode = Word<GssEncryptionMode>(value),
        ["krbsrvname"] = (to, value) => to._settings.KerberosServiceName = value,
        ["require_auth"] = (to, value) => to._settings.RequireAuth = string.Join(',', value.Split(',').Select(MethodOf)),
        ["options"] = (to, value) => to._settings.Options = value,
        ["connect_timeout"] = (to, value) => to._settings.Timeout = Math.Clamp(Number(value), 0, LongestTimeout), // 0 and below wait for ever
        ["target_session_attrs"] = (to, value) => to._settings.TargetSessionAttributes = OneOf(
            value, "any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
        ["load_balance_hosts"] = (to, value) => to._settings.LoadBalanceHosts = OneOf(value, "random", "disable") == "random",

        // They tune.
        ["keepalives_count"] = (to, value) => to.Ignore("keepalives_count", value, without: null),
        ["tcp_user_timeout"] = (to, value) => to.Ignore("tcp_user_timeout", value, without: "0"),
        ["sslcompression"] = (to, value) => to.Ignore("sslcompression", value, without: "0"),
        ["sslsni"] = (to, value) => to.Ignore("sslsni", value, without: "1"),
        ["sslkeylogfile"] = (to, value) => to.Ignore("sslkeylogfile", value, without: null),
        ["gsslib"] = (to, value) => to.Ignore("gsslib", value, without: null),
        ["gssdelegation"] = (to, value) => to.Ignore("gssdelegation", value, without: "0"),
        ["max_protocol_version"] = (to, value) => to.Ignore("max_protocol_version", value, without: "3.0"),
        ["client_encoding"] = (to, value) => to.Ignore(
            "client_encoding", value.ToUpperInvariant() is "UTF8" or "UTF-8" or "AUTO" ? "" : value, without: ""),

        // They protect, or make another connection of it.
        ["requirepeer"] = (to, _) => to.RequirePeer(),
        ["sslcertmode"] = (to, value) => to.SetCertificateMode(value),
        ["sslcrl"] = (to, _) => throw to.CannotHonour("sslcrl"),
        ["sslcrldir"] = (to, _) => throw to.CannotHonour("sslcrldir"),
        ["min_protocol_version"] = (to, value) => to.RefuseUnless(value == "3.0", "min_protocol_version"),
        ["replication"] = (to, value) => to.RefuseUnless(value is "false" or "off" or "no" or "0", "replication"),
        ["scram_client_key"] = (to, _) => throw to.CannotHonour("scram_client_key"),
        ["scram_server_key"] = (to, _) => throw to.CannotHonour("scram_server_key"),
        ["oauth_issuer"] = (to, _) => throw to.CannotHonour("oauth_issuer"),
        ["oauth_client_id"] = (to, _) => throw to.CannotHonour("oauth_client_id"),
        ["oauth_client_secret"] = (to, _) => throw to.CannotHonour("oauth_client_secret"),
        ["oauth_scope"] = (to, _) => throw to.CannotHonour("oauth_scope"),
    };

    private readonly Variables _variables;
    private readonly string _variable;
    private readonly Dictionary<string, string> _parameters;
    private readonly NpgsqlConnectionStringBuilder _settings = new();
    private readonly List<string> _ignored = [];
    private TlsDemands _tls = new();
    private bool _hasNamesOfOneAddress;

    private LibpqConnection(Variables variables, string variable, Dictionary<string, string> parameters)
    {
        _variables = variables;
        _variable = variable;
        _parameters = parameters;
    }

    /// <param name="variable">Named in the refusal and in warnings.</param>
    /// <exception cref="StartRefusedException">
    /// Not a libpq connection string, or one that asks for what Pandora cannot do. No part of it is in the message: who
    /// forgets to encode a password has it taken for something else.
    /// </exception>
    public static DatabaseAddress Read(Variables variables, string variable, string text)
    {
        var parameters = LibpqText.Parse(text) ?? throw Variables.Refuse(
            variable,
            "is not understood; accepted is \"host=… port=… dbname=… user=… password='…'\" or postgres://user:password@host:port/database?parameter=value, percent-encoded");
        AddService(variables, variable, parameters);

        var connection = new LibpqConnection(variables, variable, parameters);
        var position = 0;
        foreach (var (name, value) in parameters)
        {
            position++;
            if (!Meanings.TryGetValue(name, out var apply))
            {
                throw Variables.Refuse(
                    variable, $"has a parameter that libpq does not know, the one in place {position}; accepted are {string.Join(", ", Meanings.Keys)}");
            }
            connection.Try(name, value, apply);
        }
        connection.SetHosts();
        connection.SetTls();
        connection.SetKeepAlive();
        connection._settings.ApplicationName = connection.Given("application_name") ?? connection.Given("fallback_application_name");
        if (connection._ignored.Count > 0)
        {
            variables.Warn($"{variable}: {string.Join(", ", connection._ignored)} cannot be had here and is ignored.");
        }
        return DatabaseAddress.Of(variables, variable, connection._settings, connection._tls == new TlsDemands() ? null : connection._tls);
    }

    /// <summary>What the text says itself wins over its service.</summary>
    private static void AddService(Variables variables, string variable, Dictionary<string, string> parameters)
    {
        if (parameters.GetValueOrDefault("service") is { Length: > 0 } service)
        {
            foreach (var (name, value) in LibpqService.Read(variables, variable, service, parameters.GetValueOrDefault("servicefile")))
            {
                parameters.TryAdd(name, value);
            }
        }
    }

    private void Try(string name, string value, Action<LibpqConnection, string> apply)
    {
        if (value.Length == 0)
        {
            return;
        }
        try
        {
            apply(this, value);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or OverflowException)
        {
            throw NotAccepted(name);
        }
    }

    /// <summary>
    /// libpq keeps lists of hosts, addresses and ports, Npgsql wants a host and a port in pairs. An address is where to
    /// connect, its host then is whose certificate is expected there.
    /// </summary>
    private void SetHosts()
    {
        var names = Given("host")?.Split(',');
        var addresses = Given("hostaddr")?.Split(',');
        var ports = Given("port")?.Split(',') ?? [""];
        var count = addresses?.Length ?? names?.Length ?? 1;
        if (names is not null && names.Length != count)
        {
            throw Variables.Refuse(_variable, "has another number of values in hostaddr than of hosts");
        }
        if (ports.Length != 1 && ports.Length != count)
        {
            throw Variables.Refuse(_variable, "has another number of ports than of hosts");
        }
        if (Array.Exists(addresses ?? [], address => address.Length > 0 && !IPAddress.TryParse(address, out _)))
        {
            throw NotAccepted("hostaddr");
        }

        var hosts = new string[count];
        var namesByAddress = new Dictionary<string, string>();
        for (var i = 0; i < count; i++)
        {
            var name = names?[i] is { Length: > 0 } given ? given : null;
            hosts[i] = addresses?[i] is { Length: > 0 } address ? address : Host(name ?? "localhost");
            if (name is not null && name != hosts[i])
            {
                _hasNamesOfOneAddress |= !namesByAddress.TryAdd(hosts[i], name) && namesByAddress[hosts[i]] != name;
            }
        }
        if (namesByAddress.Count > 0)
        {
            _tls = _tls with { NamesByAddress = namesByAddress };
        }
        if (hosts is [var only])
        {
            _settings.Host = only;
            _settings.Port = Port(ports[0]);
            return;
        }
        _settings.Host = string.Join(',', hosts.Select((host, i) => string.Create(
            CultureInfo.InvariantCulture, $"{(host.Contains(':') ? $"[{host}]" : host)}:{Port(ports[ports.Length == 1 ? 0 : i])}")));
    }

    /// <summary>In a list, Npgsql divides at commas and colons, and takes blanks away.</summary>
    private string Host(string host) =>
        IsSocketDirectory(host)
            ? _parameters.GetValueOrDefault("host") == host || host.AsSpan().IndexOfAny(":, ") < 0 ? host : throw NotAccepted("host")
            : !host.Contains(':') || IPAddress.TryParse(host, out _) ? host
            : throw Variables.Refuse(_variable, "has a host with a colon in it; accepted is a name, an address or a socket directory (a port goes into port)");

    private int Port(string text) =>
        text.Length == 0 ? NpgsqlConnection.DefaultPort
        : int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var given) && given is >= 1 and <= 65_535 ? given
        : throw Variables.Refuse(_variable, "has a port that is not accepted; accepted is 1 to 65535");

    /// <summary>
    /// As libpq does: roots that are given are used for verification even where the mode alone would not ask for it, and
    /// those of the operating system only with the strongest mode. Nothing of this concerns sockets.
    /// </summary>
    private void SetTls()
    {
        var mode = Given("sslmode") ?? (Given("sslrootcert") == SystemRoots ? VerifyFull : "prefer");
        if (!DatabaseReader.SslModes.TryGetValue(mode, out var sslMode))
        {
            throw NotAccepted("sslmode");
        }
        var hosts = _settings.Host!.Split(',');
        var versions = TlsVersions();
        if (Array.TrueForAll(hosts, IsSocketDirectory))
        {
            _settings.SslMode = SslMode.Disable;
            _settings.Remove("SSL Negotiation");
            return;
        }
        if (sslMode > SslMode.Prefer && Array.Exists(hosts, IsSocketDirectory))
        {
            throw Variables.Refuse(_variable, $"has a socket directory beside other hosts, which sslmode={mode} cannot be had for; give them one kind of host or a weaker mode");
        }
        if (_settings.SslNegotiation == SslNegotiation.Direct && sslMode < SslMode.Require)
        {
            throw Variables.Refuse(_variable, $"has sslnegotiation=direct with sslmode={mode}; accepted is require, verify-ca or verify-full");
        }
        if (mode == VerifyFull && Given("hostaddr") is not null && (Given("host") is null || _hasNamesOfOneAddress))
        {
            throw Variables.Refuse(_variable, "has sslmode=verify-full and hostaddr; accepted is one host for each address, which names whose certificate is expected");
        }
        if (Given("sslmode") is not null)
        {
            _settings.SslMode = sslMode;
        }
        _tls = _tls with { Versions = versions };
        if (sslMode != SslMode.Disable)
        {
            SetRoots(mode, sslMode);
            SetCertificate();
        }
    }

    private void SetRoots(string mode, SslMode sslMode)
    {
        switch (Given("sslrootcert") ?? (mode == Require ? UsualRoots() : null))
        {
            case null:
                break;
            case SystemRoots when mode != VerifyFull:
                throw Variables.Refuse(_variable, $"has sslrootcert=system with sslmode={mode}; accepted is verify-full");
            case SystemRoots:
                // Npgsql would prefer a file in PostgreSQL's usual places.
                _settings.SslMode = SslMode.Require;
                _tls = _tls with { VerifiesAgainstSystem = true };
                break;
            case var roots when !File.Exists(roots):
                throw Variables.Refuse(_variable, $"names a file in sslrootcert that does not exist or that the user {RunningUser.Name} may not see");
            case var roots when sslMode >= SslMode.Require:
                _settings.SslMode = mode == VerifyFull ? SslMode.VerifyFull : SslMode.VerifyCA;
                _settings.RootCertificate = roots;
                break;
            case var roots:
                _tls = _tls with { Roots = roots };
                break;
        }
    }

    /// <summary>Where libpq finds roots that it was not told of. Null: there are none.</summary>
    private string? UsualRoots()
    {
        var roots = _variables.Text("PGSSLROOTCERT") ?? Path.Combine(_variables.Text("HOME") ?? "/", ".postgresql", "root.crt");
        return File.Exists(roots) ? roots : null;
    }

    /// <summary>A certificate that is not there is not sent, as in libpq.</summary>
    private void SetCertificate()
    {
        if (Given("sslcert") is not { } certificate || !_tls.SendsCertificate)
        {
            return;
        }
        if (!File.Exists(certificate))
        {
            _ignored.Add("sslcert (there is no such file)");
            return;
        }
        _settings.SslCertificate = certificate;
        if (Given("sslkey") is { } key)
        {
            _settings.SslKey = File.Exists(key)
                ? key
                : throw Variables.Refuse(_variable, $"names a file in sslkey that does not exist or that the user {RunningUser.Name} may not see");
        }
    }

    /// <summary>Likewise a file of passwords.</summary>
    private void SetPasswordFile(string path)
    {
        if (File.Exists(path))
        {
            _settings.Passfile = path;
        }
        else
        {
            _ignored.Add("passfile (there is no such file)");
        }
    }

    private void SetCertificateMode(string value)
    {
        RefuseUnless(OneOf(value, "disable", "allow", "require") != "require", "sslcertmode");
        _tls = _tls with { SendsCertificate = value != "disable" };
    }

    /// <summary>The lowest version that libpq accepts by itself, 1.2, is the lowest that is to be had.</summary>
    private SslProtocols TlsVersions()
    {
        var lowest = Version("ssl_min_protocol_version") ?? 2;
        var highest = Version("ssl_max_protocol_version") ?? 3;
        if (highest < Math.Max(lowest, 2))
        {
            throw NotAccepted("ssl_max_protocol_version");
        }
        return (lowest, highest) switch
        {
            (3, _) => SslProtocols.Tls13,
            (_, 2) => SslProtocols.Tls12,
            _ => SslProtocols.None,
        };

        int? Version(string name) => Given(name)?.ToUpperInvariant() switch
        {
            null => null,
            "TLSV1" => 0,
            "TLSV1.1" => 1,
            "TLSV1.2" => 2,
            "TLSV1.3" => 3,
            _ => throw NotAccepted(name),
        };
    }

    /// <summary>Not even looked at for a socket, whose other end is on the same machine.</summary>
    private void SetKeepAlive()
    {
        if (Array.TrueForAll(_settings.Host!.Split(','), IsSocketDirectory))
        {
            return;
        }
        TrySet("keepalives", value => _settings.TcpKeepAlive = value != 0);
        if (Given("keepalives") is null || _settings.TcpKeepAlive)
        {
            TrySet("keepalives_idle", value => _settings.TcpKeepAliveTime = Math.Max(value, 0));
            TrySet("keepalives_interval", value => _settings.TcpKeepAliveInterval = Math.Max(value, 0));
        }

        void TrySet(string name, Action<int> set)
        {
            if (Given(name) is { } text)
            {
                Try(name, text, (_, value) => set(Number(value)));
            }
        }
    }

    /// <summary>It says who must be at the other end of a socket, and nothing about other hosts.</summary>
    private void RequirePeer()
    {
        RefuseUnless(Given("hostaddr") is not null || Given("host")?.Split(',') is not { } hosts || !Array.Exists(hosts, IsSocketDirectory), "requirepeer");
        _ignored.Add("requirepeer");
    }

    /// <param name="without">The value with which there is nothing to ignore. Null: there is none.</param>
    private void Ignore(string name, string value, string? without)
    {
        if (value != without)
        {
            _ignored.Add(name);
        }
    }

    private void RefuseUnless(bool isHonoured, string name)
    {
        if (!isHonoured)
        {
            throw CannotHonour(name);
        }
    }

    private StartRefusedException CannotHonour(string name) =>
        Variables.Refuse(_variable, $"has the parameter {name}, or a value of it, that Pandora Core cannot honour; leave it out, or reach the database in another way");

    private StartRefusedException NotAccepted(string name) =>
        Variables.Refuse(_variable, $"has a value for {name} that is not accepted; see the connection parameters of libpq");

    private string? Given(string name) => _parameters.GetValueOrDefault(name) is { } value && value.Trim(',').Length > 0 ? value : null;

    /// <summary>Of a path, or of an abstract name.</summary>
    private static bool IsSocketDirectory(string host) => host is ['/' or '@', ..];

    private static void Together(LibpqConnection to, string value)
    {
        // Looked at when all are known.
    }

    private static int Number(string value) => int.Parse(value, NumberStyles.Integer, CultureInfo.InvariantCulture);

    private static T Word<T>(string value)
        where T : struct, Enum =>
        Enum.TryParse<T>(value, ignoreCase: true, out var word) && char.IsLetter(value[0]) ? word : throw new FormatException();

    private static string OneOf(string value, params string[] words) => words.Contains(value) ? value : throw new FormatException();

    /// <summary>A method of <c>require_auth</c> in Npgsql's word, perhaps behind <c>!</c>.</summary>
    private static string MethodOf(string method) => method.TrimStart('!') switch
    {
        "password" => "Password",
        "md5" => "MD5",
        "gss" => "GSS",
        "sspi" => "SSPI",
        "scram-sha-256" => "ScramSHA256",
        "none" => "None",
        _ => throw new FormatException(),
    } is var word && method.StartsWith('!') ? "!" + word : word;
}
