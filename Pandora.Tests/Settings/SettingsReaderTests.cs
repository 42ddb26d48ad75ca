using Pandora.Core.Settings;

namespace Pandora.Tests.Settings;

public sealed class SettingsReaderTests
{
    private const string Long = "0123456789abcdef0123456789abcdef";

    private readonly List<string> _warnings = [];

    [Fact]
    public void With_a_password_alone_everything_else_has_its_default()
    {
        var settings = Read();

        Assert.Equal("/etc/pandora", settings.DataDirectory);
        Assert.Equal(new DatabaseSettings.Embedded("pandora", "pandora", "secret", BinariesDirectory: null, FetchesPrograms: true), settings.Database);
        Assert.Equal((80, 50_051), (settings.HttpPort, settings.GrpcPort));
        Assert.Null(settings.JwtSecret);
        Assert.Null(settings.ApiKeyPepper);
        Assert.True(settings.ExposeVersion);
        Assert.Null(settings.CorsOrigins);
        Assert.Equal(MetadataLogging.Full, settings.LogMetadata);
        Assert.Equal(0, settings.LogRetentionDays);
        Assert.Empty(_warnings);
    }

    [Fact]
    public void Every_value_arrives()
    {
        var settings = Read(
            ("PANDORA_DIR", "/srv/pandora/"), ("PANDORA_DB_NAME", "other"), ("PANDORA_DB_USER", "me"), ("PANDORA_PG_BIN", "/pg/bin"), ("PANDORA_PG_FETCH", "no"),
            ("PANDORA_HTTP_PORT", "1"), ("PANDORA_GRPC_PORT", "65535"), ("PANDORA_JWT_SECRET", Long),
            ("PANDORA_API_KEY_PEPPER", Long + "ü"), ("PANDORA_EXPOSE_VERSION", "No"), ("PANDORA_LOG_METADATA", "headers"),
            ("PANDORA_LOG_RETENTION_DAYS", "36500"));

        Assert.Equal("/srv/pandora", settings.DataDirectory);
        Assert.Equal(new DatabaseSettings.Embedded("other", "me", "secret", "/pg/bin", FetchesPrograms: false), settings.Database);
        Assert.Equal((1, 65_535), (settings.HttpPort, settings.GrpcPort));
        Assert.Equal(32, settings.JwtSecret!.Length);
        Assert.Equal(34, settings.ApiKeyPepper!.Length);
        Assert.False(settings.ExposeVersion);
        Assert.Equal(MetadataLogging.Headers, settings.LogMetadata);
        Assert.Equal(36_500, settings.LogRetentionDays);
    }

    [Theory]
    [InlineData("true", true), InlineData("TRUE", true), InlineData("1", true), InlineData("Yes", true)]
    [InlineData("false", false), InlineData("0", false), InlineData("nO", false), InlineData("", true)]
    public void Booleans_have_six_words(string text, bool expected) =>
        Assert.Equal(expected, Read(("PANDORA_EXPOSE_VERSION", text)).ExposeVersion);

    [Theory]
    [InlineData("", 0), InlineData("0", 0), InlineData("90", 90), InlineData("90s", 90)]
    [InlineData("30m", 1_800), InlineData("12h", 43_200), InlineData("30d", 2_592_000)]
    public void The_age_of_connections_is_in_seconds_or_has_a_unit(string text, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Read(("PANDORA_GRPC_MAX_CONNECTION_AGE", text)).GrpcMaxConnectionAge);

    [Theory]
    [InlineData("*", null)]
    [InlineData("", null)]
    [InlineData("https://a.example", "https://a.example")]
    [InlineData("https://A.example:443, http://localhost:3000", "https://a.example http://localhost:3000")]
    [InlineData("http://[::1]:8080,http://[::1]:8080", "http://[::1]:8080")]
    public void Origins_are_written_as_browsers_write_them(string text, string? expected)
    {
        var origins = Read(("PANDORA_CORS_ORIGINS", text)).CorsOrigins;

        Assert.Equal(expected, origins is null ? null : string.Join(' ', origins));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("10.1.2.3", "10.1.2.3/32")]
    [InlineData(" 10.1.2.3 ,2001:DB8::/32, ::1", "10.1.2.3/32 2001:db8::/32 ::1/128")]
    [InlineData("::ffff:10.0.0.0/104,::ffff:10.1.2.3", "10.0.0.0/8 10.1.2.3/32")]
    [InlineData("0.0.0.0/0,::/0", "0.0.0.0/0 ::/0")]
    public void Trusted_proxies_are_addresses_and_networks(string text, string expected) =>
        Assert.Equal(expected, string.Join(' ', Read(("PANDORA_TRUSTED_PROXIES", text)).TrustedProxies));

    [Theory]
    [InlineData("PANDORA_HTTP_PORT", "0", "1 to 65535")]
    [InlineData("PANDORA_HTTP_PORT", "65536", "1 to 65535")]
    [InlineData("PANDORA_HTTP_PORT", "http", "1 to 65535")]
    [InlineData("PANDORA_HTTP_PORT", " 80", "1 to 65535")]
    [InlineData("PANDORA_GRPC_PORT", "-1", "1 to 65535")]
    [InlineData("PANDORA_GRPC_PORT", "80", "two different ports")]
    [InlineData("PANDORA_GRPC_MAX_CONNECTION_AGE", "-1", "30m")]
    [InlineData("PANDORA_GRPC_MAX_CONNECTION_AGE", "31d", "30 days")]
    [InlineData("PANDORA_GRPC_MAX_CONNECTION_AGE", "1.5h", "30m")]
    [InlineData("PANDORA_GRPC_MAX_CONNECTION_AGE", "m", "30m")]
    [InlineData("PANDORA_GRPC_MAX_CONNECTION_AGE", "PT1H", "30m")]
    [InlineData("PANDORA_EXPOSE_VERSION", "on", "true, false")]
    [InlineData("PANDORA_CORS_ORIGINS", "a.example", "scheme://host[:port]")]
    [InlineData("PANDORA_CORS_ORIGINS", "https://a.example/", "scheme://host[:port]")]
    [InlineData("PANDORA_CORS_ORIGINS", "https://*.example", "scheme://host[:port]")]
    [InlineData("PANDORA_CORS_ORIGINS", "https://a.example,", "scheme://host[:port]")]
    [InlineData("PANDORA_CORS_ORIGINS", "https://a.example,*", "scheme://host[:port]")]
    [InlineData("PANDORA_CORS_ORIGINS", "https://a.example:99999", "scheme://host[:port]")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "proxy.example.org", "10.0.0.0/8")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "10.0.0.0/33", "10.0.0.0/8")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "10.0.0.0/-1", "10.0.0.0/8")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "10.0.0.0/", "10.0.0.0/8")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "10.0.0.0/8,", "10.0.0.0/8")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "10.0.0", "10.0.0.0/8")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "10.0.0.010", "10.0.0.0/8")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "10.0.0.1:8080", "10.0.0.0/8")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "[2001:db8::1]", "10.0.0.0/8")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "fe80::1%3", "10.0.0.0/8")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "2001:db8::/129", "10.0.0.0/8")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "*", "10.0.0.0/8")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.1 for the address or 10.0.0.0/8 for the network")]
    [InlineData("PANDORA_TRUSTED_PROXIES", "2001:db8::1/32", "2001:db8::1 for the address or 2001:db8::/32 for the network")]
    [InlineData("PANDORA_LOG_METADATA", "FULL", "full, headers, none")]
    [InlineData("PANDORA_LOG_RETENTION_DAYS", "36501", "0 to 36500")]
    [InlineData("PANDORA_LOG_RETENTION_DAYS", "-1", "0 to 36500")]
    [InlineData("PANDORA_DB_PORT", "x", "1 to 65535")]
    [InlineData("PANDORA_DB_SSLMODE", "on", "verify-full")]
    [InlineData("PANDORA_DB_HOST", "db:5433", "host name")]
    [InlineData("PANDORA_DB_HOST", "a,b", "host name")]
    [InlineData("PANDORA_DB_NAME", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", "63 bytes")]
    [InlineData("PANDORA_DB_USER", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", "63 bytes")]
    public void A_value_that_is_not_accepted_is_refused_with_its_name_and_what_is(string name, string value, string accepted)
    {
        var refused = Assert.Throws<StartRefusedException>(() => Read((name, value)));

        Assert.StartsWith(name, refused.Message, StringComparison.Ordinal);
        Assert.Contains(accepted, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Theory]
    [InlineData("PANDORA_JWT_SECRET", "0123456789abcdef0123456789abcde")]
    [InlineData("PANDORA_API_KEY_PEPPER", "short and secret")]
    public void A_short_secret_is_refused_and_not_shown(string name, string value)
    {
        var refused = Assert.Throws<StartRefusedException>(() => Read((name, value)));

        Assert.StartsWith(name, refused.Message, StringComparison.Ordinal);
        Assert.Contains("32 bytes", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(value, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PANDORA_DB_PASSWORD"), InlineData("PANDORA_JWT_SECRET"), InlineData("PANDORA_API_KEY_PEPPER")]
    public void An_empty_secret_is_refused_even_where_it_is_not_needed(string name)
    {
        var refused = Assert.Throws<StartRefusedException>(() => Read((name, ""), ("PANDORA_DB_DNS", "host=db")));

        Assert.StartsWith(name, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PANDORA_DIR"), InlineData("PANDORA_DB_NAME"), InlineData("PANDORA_DB_USER"), InlineData("PANDORA_DB_HOST")]
    [InlineData("PANDORA_DB_PORT"), InlineData("PANDORA_DB_SSLMODE"), InlineData("PANDORA_DB_DNS"), InlineData("ConnectionStrings__pandora")]
    [InlineData("PANDORA_PG_BIN"), InlineData("PANDORA_PG_FETCH"), InlineData("PANDORA_HTTP_PORT"), InlineData("PANDORA_GRPC_PORT"), InlineData("PANDORA_EXPOSE_VERSION")]
    [InlineData("PANDORA_CORS_ORIGINS"), InlineData("PANDORA_TRUSTED_PROXIES"), InlineData("PANDORA_LOG_METADATA"), InlineData("PANDORA_LOG_RETENTION_DAYS")]
    public void An_empty_variable_counts_as_unset(string name) =>
        Assert.Equal(Read(), Read((name, "")));

    [Fact]
    public void An_unknown_name_draws_one_warning_and_what_Aspire_injects_none()
    {
        Read(
            ("PANDORA_DB_DSN", "host=db password=hidden"), ("PANDORA_HOST", "x"), ("PANDORA_PORT", "x"), ("PANDORA_USERNAME", "x"),
            ("PANDORA_PASSWORD", "x"), ("PANDORA_URI", "x"), ("PANDORA_JDBCCONNECTIONSTRING", "x"), ("PANDORA_DATABASENAME", "x"),
            ("PANDORAS_BOX", "x"));

        var warning = Assert.Single(_warnings);
        Assert.StartsWith("PANDORA_DB_DSN ", warning, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", warning, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PANDORA_JWT_SECRTE"), InlineData("Pandora_JWT_Secret"), InlineData("PANDORA_GRPC_SERVICE_HOST")]
    public void A_misspelt_name_is_warned_of_before_anything_is_refused(string name)
    {
        Assert.Throws<StartRefusedException>(() => Read((name, Long), ("PANDORA_HTTP_PORT", "none")));

        Assert.StartsWith(name, Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PANDORA_GRPC_PORT", "tcp://10.0.0.7:50051"), InlineData("PANDORA_HTTP_PORT", "udp://10.0.0.7:80"), InlineData("PANDORA_DB_PORT", "TCP://10.0.0.7:5432")]
    public void What_Kubernetes_sets_for_a_service_of_that_name_is_refused_with_the_remedy(string name, string value)
    {
        var refused = Assert.Throws<StartRefusedException>(() => Read((name, value)));

        Assert.StartsWith(name, refused.Message, StringComparison.Ordinal);
        Assert.Contains("enableServiceLinks: false", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Long + "\n", Long), InlineData(Long + "\r\n", Long), InlineData(Long, Long), InlineData(Long + "\n\n", Long + "\n"), InlineData(" " + Long + "ü", " " + Long + "ü")]
    public void Every_secret_may_be_in_a_file_of_which_one_line_break_at_the_end_is_dropped(string content, string secret)
    {
        using var file = new SecretFile(content);
        Dictionary<string, string> environment = new()
        {
            ["PANDORA_DB_PASSWORD_FILE"] = file.Path,
            ["PANDORA_JWT_SECRET_FILE"] = file.Path,
            ["PANDORA_API_KEY_PEPPER_FILE"] = file.Path,
        };

        var settings = SettingsReader.Read(new Variables(environment));

        Assert.Equal(secret, Assert.IsType<DatabaseSettings.Embedded>(settings.Database).Password);
        Assert.Equal(System.Text.Encoding.UTF8.GetBytes(secret), settings.JwtSecret);
        Assert.Equal(System.Text.Encoding.UTF8.GetBytes(secret), settings.ApiKeyPepper);
    }

    [Fact]
    public void An_address_may_be_in_a_file()
    {
        using var file = new SecretFile("host=db password=p\n");

        var settings = Read(("PANDORA_DB_DNS_FILE", file.Path));

        Assert.Contains("Host=db", Assert.IsType<DatabaseSettings.External>(settings.Database).Address.ConnectionString, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PANDORA_DB_PASSWORD"), InlineData("PANDORA_JWT_SECRET"), InlineData("PANDORA_API_KEY_PEPPER"), InlineData("PANDORA_DB_DNS")]
    public void A_secret_that_is_given_twice_or_in_an_unfit_file_is_refused_and_not_shown(string name)
    {
        using var hidden = new SecretFile("hidden hidden hidden hidden hidden");
        using var empty = new SecretFile("\n");
        using var large = new SecretFile(new string('h', 65_537));
        Assert.All(
            new[] { (hidden.Path, "hidden hidden hidden hidden hidden"), (empty.Path, null), (hidden.Path + ".not", null), (large.Path, null), ("/proc", null) },
            given =>
            {
                Dictionary<string, string> environment = new() { [name + "_FILE"] = given.Item1 };
                if (name != "PANDORA_DB_PASSWORD")
                {
                    environment["PANDORA_DB_PASSWORD"] = "secret";
                }
                if (given.Item2 is { } value)
                {
                    environment[name] = value;
                }

                var refused = Assert.Throws<StartRefusedException>(() => SettingsReader.Read(new Variables(environment)));

                Assert.StartsWith(name, refused.Message, StringComparison.Ordinal);
                Assert.DoesNotContain("hidden", refused.Message, StringComparison.Ordinal);
            });
    }

    [Theory]
    [InlineData("PANDORA_DB_PASSWORD"), InlineData("PANDORA_JWT_SECRET"), InlineData("PANDORA_API_KEY_PEPPER")]
    public void White_space_at_the_end_of_a_secret_is_part_of_it_and_draws_one_warning(string name)
    {
        var settings = Read((name, Long + "\n"));

        Assert.StartsWith($"{name} ends with white space", Assert.Single(_warnings), StringComparison.Ordinal);
        Assert.Contains(
            33, new[] { ((DatabaseSettings.Embedded)settings.Database).Password.Length, settings.JwtSecret?.Length ?? 0, settings.ApiKeyPepper?.Length ?? 0 });
    }

    private PandoraSettings Read(params (string Name, string Value)[] variables)
    {
        Dictionary<string, string> environment = new() { ["PANDORA_DB_PASSWORD"] = "secret" };
        foreach (var (name, value) in variables)
        {
            environment[name] = value;
        }
        return SettingsReader.Read(new Variables(environment, _warnings.Add));
    }

    /// <summary>A file with a secret, gone afterwards.</summary>
    private sealed class SecretFile : IDisposable
    {
        public SecretFile(string content) => File.WriteAllText(Path, content);

        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"pandora-secret-{Guid.CreateVersion7():N}");

        public void Dispose() => File.Delete(Path);
    }
}
