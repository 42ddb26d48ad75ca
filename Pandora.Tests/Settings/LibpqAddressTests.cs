using System.Diagnostics;
using System.Text;
using Npgsql;
using Pandora.Core.Persistence;
using Pandora.Core.Settings;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Settings;

/// <summary>Holds our reading of addresses against libpq's own, by connecting with <c>psql</c> and with the product.</summary>
public sealed class LibpqAddressTests(LibpqAddressTests.Place place) : IClassFixture<LibpqAddressTests.Place>
{
    private const int Addresses = 240;
    private const int Seed = 15_432;

    /// <summary>Who and where a session is, in ASCII whatever the names hold.</summary>
    private const string WhoAndWhere =
        """
        SELECT encode(convert_to(concat_ws('|', current_user, current_database(), inet_server_port(), current_setting('search_path'),
                   CASE WHEN current_setting('application_name') NOT IN ('psql', 'pandora-core') THEN current_setting('application_name') END), 'UTF8'), 'hex')
        """;

    /// <summary>With all that has a meaning in one of the two forms.</summary>
    private static readonly string[] Texts =
    [
        "plain", "u?q", "a b", "o'hara", "back\\slash", "at@sign", "per%cent", "co:lon", "sl/ash", "ünï€", "eq=uals&amp", "plus+#", "tab\tin", "'quoted'", "?&=:%40", "a,b",
    ];

    private readonly Random _random = new(Seed);
    private readonly ForeignServer _server = place.Server;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_address_leads_where_it_leads_psql_or_nowhere_if_psql_refuses_it()
    {
        var beside = Path.Combine(_server.Programs, "psql");
        var psql = File.Exists(beside) ? beside : Shell.Find("psql");
        Assert.SkipUnless(psql is not null, "There is no psql on this machine.");
        var (taken, refused, different) = (0, 0, new List<string>());
        for (var i = 0; i < Addresses; i++)
        {
            var address = NextAddress();
            var expected = await AskPsqlAsync(psql, address);
            var actual = await AskOursAsync(address);
            _ = expected is null ? refused++ : taken++;
            if (actual != expected)
            {
                different.Add($"{address}\n   psql: {expected ?? "refused"}, ours: {actual ?? "refused"}");
            }
        }

        Assert.True(different.Count == 0, $"{different.Count} of {Addresses} differ:\n{string.Join('\n', different)}");
        Assert.True(taken > Addresses / 4 && refused > Addresses / 4, $"The addresses say little: {taken} taken, {refused} refused.");
    }

    [Theory]
    [InlineData("any"), InlineData("read-write"), InlineData("primary"), InlineData("prefer-standby")]
    public async Task One_host_with_a_session_that_may_write_connects(string wanted) =>
        Assert.NotNull(await AskOursAsync($"host=127.0.0.1 port={_server.Port} user=pandora password={ForeignServer.Password} dbname=pandora target_session_attrs={wanted}"));

    [Theory]
    [InlineData("keepalives_interval=7"), InlineData("keepalives_idle=9"), InlineData("keepalives=0 keepalives_idle=9"), InlineData("keepalives_count=3")]
    [InlineData("connect_timeout=5000"), InlineData("connect_timeout=-1"), InlineData("require_auth=scram-sha-256"), InlineData("require_auth=!none")]
    [InlineData("client_encoding=LATIN1"), InlineData("sslcertmode=disable"), InlineData("max_protocol_version=latest")]
    public async Task A_parameter_alone_does_not_keep_it_from_connecting(string parameter)
    {
        foreach (var host in new[] { "127.0.0.1", _server.SocketDirectory, $"{_server.SocketDirectory},127.0.0.1" })
        {
            Assert.NotNull(await AskOursAsync($"host={host} port={_server.Port} user=pandora password={ForeignServer.Password} dbname=pandora {parameter}"));
        }
    }

    [Fact]
    public async Task A_password_that_ends_with_a_line_break_opens_in_every_form()
    {
        const string Password = "breaks\n";
        await _server.ExecuteAsync("CREATE ROLE breaking LOGIN PASSWORD E'breaks\\n'");

        foreach (var variables in new Dictionary<string, string>[]
                 {
                     new() { ["PANDORA_DB_DNS"] = $"host=127.0.0.1 port={_server.Port} user=breaking dbname=pandora password='{Password}'" },
                     new() { ["PANDORA_DB_DNS"] = $"postgres://breaking:breaks%0A@127.0.0.1:{_server.Port}/pandora" },
                     new() { ["ConnectionStrings__pandora"] = $"Host=127.0.0.1;Port={_server.Port};Username=breaking;Database=pandora;Password=\"{Password}\"" },
                     new()
                     {
                         ["PANDORA_DB_HOST"] = "127.0.0.1", ["PANDORA_DB_PORT"] = $"{_server.Port}", ["PANDORA_DB_USER"] = "breaking", ["PANDORA_DB_PASSWORD"] = Password,
                     },
                 })
        {
            Assert.NotNull(await AskOursAsync(variables));
        }
    }

    private async Task<string?> AskOursAsync(string address) =>
        await AskOursAsync(new Dictionary<string, string> { ["PANDORA_DB_DNS"] = address, ["HOME"] = place.Home });

    /// <summary>Null: refused, by us or by the server.</summary>
    private static async Task<string?> AskOursAsync(Dictionary<string, string> variables)
    {
        try
        {
            await using var source = DatabaseConnection.ForMigrations(DatabaseReader.ReadExternal(new Variables(variables))!.Address);
            await using var question = source.CreateCommand(WhoAndWhere);
            return (string?)await question.ExecuteScalarAsync(Token);
        }
        catch (Exception e) when (e is StartRefusedException or NpgsqlException)
        {
            return null;
        }
    }

    /// <summary>Null: refused.</summary>
    private async Task<string?> AskPsqlAsync(string psql, string address)
    {
        var info = new ProcessStartInfo(psql, ["-X", "-A", "-t", "-q", "-w", "-d", address, "-c", WhoAndWhere]);
        foreach (var name in info.Environment.Keys.Where(name => name.StartsWith("PG", StringComparison.Ordinal)).ToList())
        {
            info.Environment.Remove(name);
        }
        info.Environment["HOME"] = place.Home;
        var (exitCode, output, _) = await Shell.TryAsync(info);
        return exitCode == 0 ? output.Trim() : null;
    }

    private static string PasswordOf(int role) => $"{Texts[^(role + 1)]}!{Texts[role]}";

    private string NextAddress()
    {
        var role = _random.Next(Texts.Length);
        Dictionary<string, string> parameters = new()
        {
            ["user"] = Texts[role],
            ["password"] = Once(9) ? "wrong" : PasswordOf(role),
            ["dbname"] = Once(20) ? "missing" : Texts[_random.Next(Texts.Length)],
        };
        PlaceHost(parameters);
        foreach (var (name, values) in Extras.Where(_ => Once(12)))
        {
            parameters[name] = values[_random.Next(values.Length)];
        }
        var address = Once(2) ? Url(parameters) : Keywords(parameters);
        return Once(12) ? Spoiled(address) : address;
    }

    /// <summary>Right and wrong values of what does not depend on the machine.</summary>
    private static readonly Dictionary<string, string[]> Extras = new()
    {
        ["application_name"] = ["ours", "it's", "a b", "%41"],
        ["connect_timeout"] = ["5", " 7 ", "0", "soon"],
        ["keepalives"] = ["0", "1", "x"],
        ["keepalives_idle"] = ["30", "x"], // 0 is the system's choice, says the manual of libpq, but Linux refuses it there
        ["keepalives_interval"] = ["5", "5s"],
        ["keepalives_count"] = ["5", "+3"],
        ["tcp_user_timeout"] = ["30000", "0"],
        ["sslmode"] = ["disable", "allow", "prefer", "require", "on"],
        ["sslsni"] = ["0", "1"],
        ["sslcompression"] = ["0"],
        ["ssl_min_protocol_version"] = ["TLSv1.2", "tlsv1.3", "TLSv9"],
        ["target_session_attrs"] = ["any", "read-write", "primary", "prefer-standby", "master"],
        ["gssencmode"] = ["disable", "prefer", "maybe"],
        ["channel_binding"] = ["disable", "prefer", "always"],
        ["client_encoding"] = ["UTF8", "auto"],
        ["options"] = ["-c search_path=pg_catalog", "-csearch_path=a\\ b"],
        ["bogus"] = ["1"],
    };

    private void PlaceHost(Dictionary<string, string> parameters)
    {
        parameters["port"] = $"{_server.Port}";
        switch (_random.Next(8))
        {
            case 0:
                parameters["host"] = _server.SocketDirectory;
                break;
            case 1:
                (parameters["host"], parameters["hostaddr"]) = ("db.test", "127.0.0.1");
                break;
            case 2:
                parameters["hostaddr"] = "127.0.0.1";
                break;
            case 3: // nobody listens on the first
                (parameters["host"], parameters["port"]) = ("127.0.0.1,127.0.0.1", $"1,{_server.Port}");
                break;
            case 4:
                parameters["host"] = $"{_server.SocketDirectory}.not,127.0.0.1";
                break;
            case 5:
                (parameters["host"], parameters["hostaddr"]) = ("a.test,b.test", Once(2) ? "127.0.0.1,127.0.0.1" : "127.0.0.1");
                break;
            case 6:
                parameters.Remove("port");
                (parameters["service"], parameters["host"]) = (Once(3) ? "absent" : "ours", Once(2) ? "127.0.0.1" : "");
                break;
            default:
                parameters["host"] = "127.0.0.1";
                break;
        }
        foreach (var name in parameters.Where(parameter => parameter.Value.Length == 0).Select(parameter => parameter.Key).ToList())
        {
            parameters.Remove(name);
        }
    }

    private string Keywords(Dictionary<string, string> parameters)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in Shuffled(parameters))
        {
            text.Append(Blanks(0)).Append(name).Append(Blanks(0)).Append('=').Append(Blanks(0)).Append(Quoted(value)).Append(Blanks(1));
        }
        return text.ToString();
    }

    private string Quoted(string value)
    {
        var isQuoted = value.Length == 0 || Once(2);
        var text = new StringBuilder();
        foreach (var c in value)
        {
            text.Append(c is '\'' or '\\' || (!isQuoted && char.IsWhiteSpace(c)) || Once(15) ? "\\" : "").Append(c);
        }
        return isQuoted ? $"'{text}'" : text.ToString();
    }

    private string Url(Dictionary<string, string> parameters)
    {
        var left = new Dictionary<string, string>(parameters);
        var text = new StringBuilder(Once(2) ? "postgres://" : "postgresql://");
        text.Append(Encoded(Take("user"), "%@:/")).Append(':').Append(Encoded(Take("password"), "%@/")).Append('@');
        if (Once(2) && left.GetValueOrDefault("host") is { } host)
        {
            var (hosts, ports) = (host.Split(','), left.GetValueOrDefault("port")?.Split(',') ?? []);
            if (ports.Length == hosts.Length)
            {
                text.AppendJoin(',', hosts.Zip(ports, (name, port) => $"{Encoded(name, "%:/?,[")}:{port}"));
                left.Remove("port");
            }
            else
            {
                text.AppendJoin(',', hosts.Select(name => Encoded(name, "%:/?,[")));
            }
            left.Remove("host");
        }
        if (Once(2))
        {
            text.Append('/').Append(Encoded(Take("dbname"), "%?"));
        }
        var separator = '?';
        foreach (var (name, value) in Shuffled(left))
        {
            text.Append(separator).Append(Encoded(name, "%&=")).Append('=').Append(Encoded(value, "%&="));
            separator = '&';
        }
        return text.ToString();

        string Take(string name)
        {
            left.Remove(name, out var value);
            return value!;
        }
    }

    /// <summary>What must be encoded, and some of the rest.</summary>
    private string Encoded(string value, string reserved)
    {
        var text = new StringBuilder();
        foreach (var rune in value.EnumerateRunes())
        {
            var part = rune.ToString();
            text.Append(reserved.Contains(part, StringComparison.Ordinal) || Rune.IsWhiteSpace(rune) || Once(8)
                ? string.Concat(Encoding.UTF8.GetBytes(part).Select(b => Once(2) ? $"%{b:X2}" : $"%{b:x2}"))
                : part);
        }
        return text.ToString();
    }

    /// <summary>With a character too many, behind the host.</summary>
    private string Spoiled(string address)
    {
        const string troublemakers = " '\\%=&?";
        var trouble = troublemakers[_random.Next(troublemakers.Length)];
        var password = address.IndexOf('!', StringComparison.Ordinal); // in every password, and hardly elsewhere
        return password < 0 ? address + trouble : address.Insert(password, trouble.ToString());
    }

    private string Blanks(int atLeast) => string.Concat(Enumerable.Range(0, atLeast + (Once(4) ? 1 : 0)).Select(_ => Once(3) ? "\t" : " "));

    private KeyValuePair<string, string>[] Shuffled(Dictionary<string, string> parameters)
    {
        var shuffled = parameters.ToArray();
        _random.Shuffle(shuffled);
        return shuffled;
    }

    /// <summary>True once in so many times.</summary>
    private bool Once(int times) => _random.Next(times) == 0;

    private static string Identifier(string name) => new NpgsqlCommandBuilder().QuoteIdentifier(name);

    private static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>A server with roles and databases of awkward names, and a home with a service file.</summary>
    public sealed class Place : IAsyncLifetime
    {
        private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("pandora-home-");

        internal ForeignServer Server { get; private set; } = null!;

        public string Home => _home.FullName;

        public async ValueTask InitializeAsync()
        {
            Server = await ForeignServer.StartAsync();
            await Server.ExecuteAsync(Texts.SelectMany((text, i) => new[]
            {
                $"CREATE ROLE {Identifier(text)} LOGIN PASSWORD {Literal(PasswordOf(i))}",
                $"CREATE DATABASE {Identifier(text)}",
            }));
            await File.WriteAllTextAsync(
                Path.Combine(Home, ".pg_service.conf"),
                $"# ours\n[other]\nhost=nowhere.invalid\n\n[ours]\nhost=127.0.0.1\nport={Server.Port}\nuser=nobody\n# and more\n\n[third]\nport=1\n");
        }

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            _home.Delete(recursive: true);
        }
    }
}
