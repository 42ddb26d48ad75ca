using Npgsql;
using Pandora.Core.Settings;

namespace Pandora.Tests.Settings;

public sealed class DatabaseReaderTests
{
    private const string Awkward = " blank 'quote' \"double\" back\\slash ;=% ";

    [Fact]
    public void The_connection_string_wins_over_the_DSN_and_the_DSN_over_the_parts()
    {
        var parts = ("PANDORA_DB_HOST", "parts");
        var dsn = ("PANDORA_DB_DNS", "host=dsn");
        var connectionString = ("ConnectionStrings__pandora", "Host=aspire");

        Assert.Equal("aspire", External(parts, dsn, connectionString).Host);
        Assert.Equal("dsn", External(parts, dsn).Host);
        Assert.Equal("parts", External(parts, ("PANDORA_DB_PASSWORD", "p")).Host);
    }

    [Theory]
    [InlineData("PANDORA_DB_HOST", "db"), InlineData("PANDORA_DB_PORT", "5433"), InlineData("PANDORA_DB_SSLMODE", "require")]
    public void Host_port_or_TLS_mode_alone_choose_an_external_server(string name, string value)
    {
        var database = External((name, value), ("PANDORA_DB_PASSWORD", Awkward));

        Assert.Equal(name == "PANDORA_DB_HOST" ? value : "localhost", database.Host);
        Assert.Equal(name == "PANDORA_DB_PORT" ? 5433 : 5432, database.Port);
        Assert.Equal(name == "PANDORA_DB_SSLMODE" ? SslMode.Require : SslMode.Prefer, database.SslMode);
        Assert.Equal(("pandora", "pandora", Awkward), (database.Database, database.Username, database.Password));
    }

    [Theory]
    [InlineData("db_1.internal"), InlineData("10.0.0.1"), InlineData("::1"), InlineData("/var/run/postgresql")]
    public void A_host_may_be_a_name_an_address_or_a_socket_directory(string host) =>
        Assert.Equal(host, External(("PANDORA_DB_HOST", host), ("PANDORA_DB_PASSWORD", "p")).Host);

    [Theory]
    [InlineData("PANDORA_PG_BIN"), InlineData("PANDORA_DB_HOST")]
    public void Without_a_password_nothing_starts(string alsoSet)
    {
        var refused = Assert.Throws<StartRefusedException>(() => DatabaseReader.Read(Variables((alsoSet, "db"))));

        Assert.StartsWith("PANDORA_DB_PASSWORD", refused.Message, StringComparison.Ordinal);
    }

    [Theory, Checklist(65)]
    [InlineData("host=db port=5433 dbname=d user=u password=p", "Host=db;Port=5433;Database=d;Username=u;Password=p")]
    [InlineData("  host = db\n user= 'u v' ", "Host=db;Port=5432;Username=u v")]
    [InlineData("host=db password='it\\'s \\\\ me'", "Host=db;Port=5432;Password='it''s \\ me'")]
    [InlineData("host=db password=a\\ b\\\\c", "Host=db;Port=5432;Password=a b\\c")]
    [InlineData("host=db password=''", "Host=db;Port=5432")]
    [InlineData("user=u", "Host=localhost;Port=5432;Username=u")]
    [InlineData("host=/run/pg port=5434", "Host=/run/pg;Port=5434;SSL Mode=Disable")]
    [InlineData("host=/run/pg,db", "Host=\"/run/pg:5432,db:5432\";Target Session Attributes=prefer-primary")]
    [InlineData("host=name hostaddr=10.0.0.1", "Host=10.0.0.1;Port=5432")]
    [InlineData("host=a,b,c hostaddr=10.0.0.1,,::1", "Host=\"10.0.0.1:5432,b:5432,[::1]:5432\";Target Session Attributes=prefer-primary")]
    [InlineData("host=a,b port=1,2 target_session_attrs=read-write", "Host=\"a:1,b:2\";Target Session Attributes=read-write")]
    [InlineData("host=a,::1 port=7", "Host=\"a:7,[::1]:7\";Target Session Attributes=prefer-primary")]
    [InlineData("host=db sslmode=allow", "Host=db;Port=5432;SSL Mode=Allow")]
    [InlineData("host=db sslmode=verify-ca sslrootcert=/etc/passwd", "Host=db;Port=5432;SSL Mode=VerifyCA;Root Certificate=/etc/passwd")]
    [InlineData("host=db connect_timeout=2 application_name=x client_encoding=utf8", "Host=db;Port=5432;Timeout=2;Application Name=x")]
    [InlineData("host=db options='-c search_path=p'", "Host=db;Port=5432;Options='-c search_path=p'")]
    [InlineData("host=db channel_binding=require gssencmode=disable keepalives=1", "Host=db;Port=5432;Channel Binding=Require;GSS Encryption Mode=Disable;Tcp Keepalive=True")]
    [InlineData("postgres://u:p@db:5433/d", "Host=db;Port=5433;Database=d;Username=u;Password=p")]
    [InlineData("postgresql://u%40x:p%3A%2F%20%C3%BC+@db/d%20e?sslmode=require", "Host=db;Port=5432;Database='d e';Username=u@x;Password='p:/ ü+';SSL Mode=Require")]
    [InlineData("postgres://u@db?ssl=true", "Host=db;Port=5432;Username=u;SSL Mode=Require")]
    [InlineData("postgres://%2Frun%2Fpg/d", "Host=/run/pg;Port=5432;Database=d;SSL Mode=Disable")]
    [InlineData("postgres:///d?host=/run/pg&port=5434", "Host=/run/pg;Port=5434;Database=d;SSL Mode=Disable")]
    [InlineData("postgres://[::1]:5433/d", "Host=::1;Port=5433;Database=d")]
    [InlineData("postgres://a:1,b:2/d", "Host=\"a:1,b:2\";Database=d;Target Session Attributes=prefer-primary")]
    [InlineData("postgres://a,b/?target_session_attrs=prefer-standby", "Host=\"a:5432,b:5432\";Target Session Attributes=prefer-primary")]
    [InlineData("postgres://u:a?b@h/d", "Host=h;Port=5432;Database=d;Username=u;Password=a?b")]
    [InlineData("postgres://u?:#&=@h/d\n", "Host=h;Port=5432;Database=d;Username=u?;Password='#&='")]
    [InlineData("host=db password=a\u00A0b", "Host=db;Port=5432;Password='a\u00A0b'")]
    [InlineData("host=db target_session_attrs=primary", "Host=db;Port=5432")]
    [InlineData("host=db keepalives_interval=5", "Host=db;Port=5432;Tcp Keepalive Interval=5")]
    [InlineData("host=db require_auth=!password,!md5", "Host=db;Port=5432;Require Auth='!Password,!MD5'")]
    [InlineData("postgres://", "Host=localhost;Port=5432")]
    public void A_DSN_means_what_it_means_to_libpq(string dsn, string expected)
    {
        var database = External(("PANDORA_DB_DNS", dsn));

        Assert.True(
            database.EquivalentTo(new NpgsqlConnectionStringBuilder(expected)),
            $"{database.ConnectionString} is not {expected}");
    }

    [Theory]
    [InlineData("host=db hidden"), InlineData("host=db password='hidden"), InlineData("=hidden"), InlineData("hidden")]
    [InlineData("host=db password=hidden bogus=1"), InlineData("host=db password=hidden sslmode=on"), InlineData(" ")]
    [InlineData("host=db password=hidden port=0"), InlineData("host=a,b port=1,2,3"), InlineData("host=db password=two hidden=3")]
    [InlineData("host=db connect_timeout=soon"), InlineData("host=db service=hidden"), InlineData("service=s servicefile=hidden"), InlineData("host=db:hidden")]
    [InlineData("host=db hostaddr=hidden"), InlineData("host=a,b hostaddr=127.0.0.1"), InlineData("host=db target_session_attrs=standby")]
    [InlineData("host=db target_session_attrs=read-only"), InlineData("host=db options='hidden\n'"), InlineData("host=a,b user='hidden\n'"), InlineData("postgres://u:hidden%ff@db/d")]
    [InlineData("postgres://u:p/hidden?x=1@db/d"), InlineData("postgres://db/d?hidden=1=2")]
    [InlineData("postgres://u:hidden@db:port/d"), InlineData("postgres://u:hidden%zz@db"), InlineData("postgres://u:hidden@[::1/d")]
    [InlineData("postgres://u:hidden@db/d?bogus=1"), InlineData("postgres://u:hidden@db/d?sslmode"), InlineData("mysql://u:hidden@db/d")]
    [InlineData("host= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= a= 'hidden")]
    public void A_DSN_that_is_not_understood_is_refused_without_showing_it(string dsn)
    {
        var refused = Assert.Throws<StartRefusedException>(() => External(("PANDORA_DB_DNS", dsn)));

        Assert.StartsWith("PANDORA_DB_DNS", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Host=db;Port=hidden"), InlineData("hidden"), InlineData("Host=db;Bogus=hidden"), InlineData("Username=hidden")]
    [InlineData("Host=db;SSL Mode=hidden"), InlineData("Host=db;Password='hidden"), InlineData("Host=db;Port=0;Password=hidden")]
    [InlineData("Host=db;Port=65536;Password=hidden"), InlineData("Host=\"a:65536,b\";Password=hidden"), InlineData("Host=\"a:x,b\";Password=hidden")]
    [InlineData("Host=db;Maximum Pool Size=0;Password=hidden"), InlineData("Host=db;Maximum Pool Size=1;Password=hidden")]
    [InlineData("Host=db;Minimum Pool Size=9;Maximum Pool Size=8;Password=hidden"), InlineData("Host=db;Connection Pruning Interval=0;Password=hidden")]
    [InlineData("Host=db;SSL Negotiation=Direct;Password=hidden"), InlineData("Host=db;Target Session Attributes=standby;Password=hidden")]
    [InlineData("Host=db;Timeout=9999;Password=hidden"), InlineData("Host=db;Search Path=\"hidden\n\""), InlineData("Host=a,b;Username=\"hidden\n\"")]
    public void A_connection_string_that_is_not_understood_is_refused_without_showing_it(string text)
    {
        var refused = Assert.Throws<StartRefusedException>(() => External(("ConnectionStrings__pandora", text)));

        Assert.StartsWith("ConnectionStrings__pandora", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("host=db keepalives_count=5 tcp_user_timeout=30000 sslsni=0", "keepalives_count, tcp_user_timeout, sslsni")]
    [InlineData("host=db client_encoding=latin1", "client_encoding")]
    [InlineData("host=db requirepeer=postgres", "requirepeer")]
    [InlineData("host=db sslmode=require sslcert=/not/there.crt", "sslcert")]
    [InlineData("host=db target_session_attrs=prefer-standby", "target_session_attrs")]
    [InlineData("host=db passfile=/not/there", "passfile")]
    public void What_only_tunes_is_ignored_with_one_warning(string dsn, string named)
    {
        List<string> warnings = [];

        _ = DatabaseReader.ReadExternal(new Variables(new Dictionary<string, string> { ["PANDORA_DB_DNS"] = dsn }, warnings.Add));

        var warning = Assert.Single(warnings);
        Assert.StartsWith("PANDORA_DB_DNS", warning, StringComparison.Ordinal);
        Assert.Contains(named, warning, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("host=db keepalives=1 sslsni=1 sslcompression=0 client_encoding=utf8 gssdelegation=0 tcp_user_timeout=0 max_protocol_version=3.0")]
    [InlineData("host=db target_session_attrs=any"), InlineData("host=/run/pg sslmode=require")]
    public void What_is_the_default_anyway_draws_no_warning(string dsn) =>
        DatabaseReader.ReadExternal(new Variables(new Dictionary<string, string> { ["PANDORA_DB_DNS"] = dsn }, warning => Assert.Fail(warning)));

    [Fact]
    public void An_address_tells_nobody_its_password() =>
        Assert.DoesNotContain(
            "hidden", $"{DatabaseReader.ReadExternal(Variables(("PANDORA_DB_DNS", "host=db password='hidden\n'")))}", StringComparison.Ordinal);

    [Fact]
    public void More_hosts_than_anybody_has_are_refused_at_once()
    {
        static string Hosts(int count) => string.Join(',', Enumerable.Range(0, count).Select(i => $"db{i}"));

        Assert.NotNull(External(("PANDORA_DB_DNS", $"postgres://u:p@{Hosts(100)}/d")));
        foreach (var (name, text) in new[] { ("PANDORA_DB_DNS", $"postgres://u:p@{Hosts(5_000)}/d"), ("ConnectionStrings__pandora", $"Host={Hosts(5_000)}") })
        {
            var refused = Assert.Throws<StartRefusedException>(() => External((name, text)));
            Assert.Contains($"{name} has more than 100 hosts", refused.Message, StringComparison.Ordinal);
        }
    }

    private static NpgsqlConnectionStringBuilder External(params (string Name, string Value)[] variables) =>
        new(Assert.IsType<DatabaseSettings.External>(DatabaseReader.Read(Variables(variables))).Address.ConnectionString);

    private static Variables Variables(params (string Name, string Value)[] variables) =>
        new(variables.ToDictionary(variable => variable.Name, variable => variable.Value));
}
