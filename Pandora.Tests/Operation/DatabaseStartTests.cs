using System.Globalization;
using System.Net;
using Npgsql;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Operation;

/// <summary>
/// What a start says about a database that it cannot work with: at once and with the remedy what will not heal, and while
/// it waits what may.
/// </summary>
public sealed class DatabaseStartTests(DatabaseStartTests.Place place) : IClassFixture<DatabaseStartTests.Place>
{
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(30); // and not the 60 s of a wait, on a busy machine

    private readonly ForeignServer _server = place.Server;

    [Theory]
    [InlineData("wrong password", "password authentication failed", "Password", "hidden")]
    [InlineData("unknown role", "28", "Username", "nobody")]
    [InlineData("missing database", "CREATE DATABASE", "Database", "missing")]
    [InlineData("no way in", "GRANT CONNECT ON DATABASE \"closed\" TO \"pandora\"", "Database", "closed")]
    public async Task What_will_not_heal_is_refused_at_once(string what, string said, string key, string value)
    {
        _ = what;
        var settings = new NpgsqlConnectionStringBuilder(_server.ConnectionString) { [key] = value };

        await ExpectRefusalAsync(settings.ConnectionString, said);
    }

    [Theory]
    [InlineData("LATIN1"), InlineData("EUC_JP"), InlineData("EUC_KR")]
    public async Task An_encoding_that_cannot_hold_every_text_is_refused(string encoding)
    {
        var name = Scenario.NewName("encoded");
        await _server.ExecuteAsync($"CREATE DATABASE \"{name}\" OWNER pandora ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0");

        await ExpectRefusalAsync(Database(name), $"encoding {encoding}", "ENCODING 'UTF8'");
    }

    [Fact]
    public async Task A_database_of_a_server_without_a_locale_is_taken_and_keeps_every_text_that_is_allowed()
    {
        var name = Scenario.NewName("ascii");
        await _server.ExecuteAsync($"CREATE DATABASE \"{name}\" OWNER pandora ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(folder.Path, ("ConnectionStrings__pandora", Database(name)));
        using var rest = await process.SignInFirstAsync();
        static string Text(string character, int characters) => string.Concat(Enumerable.Repeat(character, characters));
        var (longest, version, email) = (Text("\U0001F511", 255), Text("\u00e9", 25), Text("\u00fc", 244) + "@m\u00fcnchen.de");
        Assert.Equal(255, email.Length);

        var service = (await rest.PostAsync("/services", new { name = longest, version })).Expect(HttpStatusCode.Created);
        var client = (await rest.PostAsync("/clients", new { type = "developer", name = longest, email })).Expect(HttpStatusCode.Created);
        var project = (await rest.PostAsync("/projects", new
        {
            name = longest,
            client_id = client.Id,
            services = new[] { new { id = service.Id, max_requests = -1, reset_frequency = "daily" } },
        })).Expect(HttpStatusCode.Created);
        var environment = (await rest.PostAsync("/environments", new
        {
            name = longest,
            project_id = project.Id,
            services = new[] { new { id = service.Id, max_requests = 5 } },
        })).Expect(HttpStatusCode.Created);
        var key = (await rest.PostAsync("/api-keys", new { environment_id = environment.Id })).Expect(HttpStatusCode.Created);
        (await rest.PostAsync("/services", new { name = longest + "x", version })).Expect(HttpStatusCode.UnprocessableEntity);
        (await rest.PostAsync("/services", new { name = longest, version })).Expect(HttpStatusCode.Conflict);
        foreach (var (path, other) in new[] { ("/clients", client), ("/projects", project), ("/environments", environment) })
        {
            var renamed = (await rest.PatchAsync($"{path}/{other.Id}", new { name = Text("\u1e9e", 255) })).Expect(HttpStatusCode.OK);
            Assert.Equal(Text("\u1e9e", 255), renamed.Text("name"));
        }

        using var grpc = new GrpcClient(process.GrpcAddress);
        var call = new ValidateRequest
        {
            ApiKey = key.Text("secret"),
            ServiceName = longest,
            ServiceVersion = version,
            Request = new Request
            {
                Path = "/" + Text("\u4e2d", 9_000),
                Method = "GET",
                IpAddress = "192.0.2.7",
                Metadata = new RequestMetadata { Body = Text("\u00e9", 20_000), Headers = "X-Name: \U0001F511", BodyContentType = Text("\u00e9", 300) },
            },
        };
        var passed = await ConsumeAsync();
        Assert.True(passed.BaseResponse.Valid);
        call.ServiceName = Text("\U0001F512", 300); // nobody has it, and the log keeps 255 characters
        var mismatch = await ConsumeAsync();
        Assert.Equal("SERVICE_MISMATCH", mismatch.BaseResponse.FailureCode);

        var row = (await rest.GetAsync($"/requests/{passed.BaseResponse.RequestId}")).Expect(HttpStatusCode.OK);
        Assert.Equal((longest, version), ((string)row["service"]!["name"]!, (string)row["service"]!["version"]!));
        Assert.Equal(Text("\u1e9e", 255), (string)row["project"]!["name"]!);
        Assert.Equal("/" + Text("\u4e2d", 8_191), row.Text("path"));
        Assert.Equal("X-Name: \U0001F511", (string)row["metadata"]!["headers"]!);
        Assert.Equal(Text("\u00e9", 255), (string)row["metadata"]!["body_content_type"]!);
        Assert.StartsWith(Text("\u00e9", 8_000), (string)row["metadata"]!["body"]!, StringComparison.Ordinal);
        row = (await rest.GetAsync($"/requests/{mismatch.BaseResponse.RequestId}")).Expect(HttpStatusCode.OK);
        Assert.Equal(Text("\U0001F512", 255), (string)row["service"]!["name"]!);
        Assert.Equal(0, await process.StopAsync());

        async Task<ValidateConsumeResponse> ConsumeAsync()
        {
            var reply = await grpc.CallAsync(Calls.ConsumePath, call, ValidateConsumeResponse.Parser, TestContext.Current.CancellationToken);
            Assert.True(reply.Message is not null, $"{reply.Code}: {reply.StatusText}\n{string.Join('\n', process.Output)}");
            return reply.Message;
        }
    }

    [Fact]
    public async Task Names_that_end_with_a_line_break_are_passed_on_as_they_are()
    {
        await _server.ExecuteAsync("CREATE ROLE \"odd\n\" LOGIN PASSWORD 'odd'", "CREATE DATABASE \"odd\n\" OWNER \"odd\n\" TEMPLATE template0 ENCODING 'UTF8'");
        (string, string?)[] parts =
        [
            ("PANDORA_DB_HOST", _server.SocketDirectory),
            ("PANDORA_DB_PORT", _server.Port.ToString(CultureInfo.InvariantCulture)),
            ("PANDORA_DB_USER", "odd\n"),
            ("PANDORA_DB_NAME", "odd\n"),
            ("PANDORA_DB_PASSWORD", "odd"),
        ];
        (string, string?)[] asOne = [("PANDORA_DB_DNS", $"host={_server.SocketDirectory} port={_server.Port} user='odd\n' dbname='odd\n' password=odd")];
        foreach (var variables in new[] { parts, asOne })
        {
            using var folder = new DataFolder();
            await using var process = await PandoraProcess.StartReadyAsync(folder.Path, variables);
            Assert.Equal(0, await process.StopAsync());
        }
    }

    [Fact]
    public async Task A_role_that_may_not_create_tables_is_refused_with_the_grant()
    {
        var name = await DatabaseAsync();
        await ExecuteAsync(name, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
        await _server.ExecuteAsync("CREATE ROLE \"only a guest\" LOGIN PASSWORD 'guest'");

        await ExpectRefusalAsync(Database(name, "only a guest", "guest"), "GRANT USAGE, CREATE ON SCHEMA public TO \"only a guest\"");
    }

    [Fact]
    public async Task A_role_without_any_schema_is_refused_with_the_grant()
    {
        var name = await DatabaseAsync();
        await ExecuteAsync(name, "REVOKE ALL ON SCHEMA public FROM PUBLIC");
        await _server.ExecuteAsync("CREATE ROLE homeless LOGIN PASSWORD 'homeless'");

        await ExpectRefusalAsync(Database(name, "homeless", "homeless"), "GRANT USAGE, CREATE ON SCHEMA public TO homeless");
    }

    [Fact]
    public async Task A_role_that_may_not_use_the_tables_is_refused_with_the_grant_and_starts_once_it_may()
    {
        var name = await DatabaseAsync();
        using var folder = new DataFolder();
        await using (var owner = await PandoraProcess.StartReadyAsync(folder.Path, ("ConnectionStrings__pandora", Database(name))))
        {
            Assert.Equal(0, await owner.StopAsync());
        }
        await _server.ExecuteAsync("CREATE ROLE worker LOGIN PASSWORD 'worker'");
        await ExecuteAsync(name, "GRANT USAGE ON SCHEMA public TO worker", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO worker");

        var line = await ExpectRefusalAsync(Database(name, "worker", "worker"), "GRANT SELECT, INSERT, UPDATE, DELETE ON", "TO worker");

        await ExecuteAsync(name, line[line.IndexOf("GRANT", StringComparison.Ordinal)..].TrimEnd('.'));
        await using var process = await PandoraProcess.StartReadyAsync(folder.Path, ("ConnectionStrings__pandora", Database(name, "worker", "worker")));
        Assert.Equal(0, await process.StopAsync());
    }

    [Fact]
    public async Task Tables_that_another_role_has_to_migrate_are_refused_with_the_remedy()
    {
        var name = await DatabaseAsync();
        await ExecuteAsync(
            name, "CREATE ROLE elder", "CREATE TABLE schema_migration (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL)", "ALTER TABLE schema_migration OWNER TO elder");

        await ExpectRefusalAsync(Database(name), "REASSIGN OWNED BY elder TO pandora");
    }

    [Fact]
    public async Task A_read_only_database_is_waited_for_by_its_name()
    {
        var name = await DatabaseAsync();
        await _server.ExecuteAsync($"ALTER DATABASE \"{name}\" SET default_transaction_read_only = on");
        using var folder = new DataFolder();
        await using var process = PandoraProcess.Start(folder.Path, ("ConnectionStrings__pandora", Database(name)));
        await process.UntilAsync(line => line.Contains("read-only", StringComparison.Ordinal), "the reason for waiting");

        await _server.ExecuteAsync($"ALTER DATABASE \"{name}\" RESET default_transaction_read_only");

        await process.UntilReadyAsync();
        Assert.Equal(0, await process.StopAsync());
    }

    [Fact]
    public async Task A_standby_is_called_one_and_served_from_once_it_is_promoted()
    {
        await using var server = await OwnServer.StartAsync();
        await server.BecomeStandbyAsync();
        using var folder = new DataFolder();
        await using var process = PandoraProcess.Start(folder.Path, ("ConnectionStrings__pandora", server.ConnectionString));
        await process.UntilAsync(line => line.Contains("standby", StringComparison.Ordinal), "the reason for waiting");

        await server.PromoteAsync();

        await process.UntilReadyAsync();
        Assert.Equal(0, await process.StopAsync());
    }

    [Theory]
    [InlineData("transaction", 1, false), InlineData("transaction", 5, false), InlineData("transaction", 5, true), InlineData("statement", 3, false)]
    public async Task A_pooler_that_shares_sessions_is_refused(string mode, int size, bool takesTurns)
    {
        await using var pooler = await PgBouncer.StartAsync(_server, mode, size, takesTurns);

        await ExpectRefusalAsync(pooler.ConnectionString, "session mode");
    }

    [Fact]
    public async Task Behind_a_pooler_in_session_mode_calls_are_served()
    {
        var name = await DatabaseAsync();
        await using var pooler = await PgBouncer.StartAsync(_server, "session", size: 60, takesTurns: true);
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(
            folder.Path, ("ConnectionStrings__pandora", new NpgsqlConnectionStringBuilder(pooler.ConnectionString) { Database = name }.ConnectionString));
        using var rest = new RestClient(process.RestAddress);

        for (var call = 0; call < 50; call++)
        {
            Assert.Equal("OK", (await rest.GetAsync("/health")).Text("status"));
        }
        Assert.Equal(0, await process.StopAsync());
    }

    private async Task<string> DatabaseAsync()
    {
        var name = Scenario.NewName("start");
        await _server.ExecuteAsync($"CREATE DATABASE \"{name}\" OWNER pandora");
        return name;
    }

    private string Database(string name, string role = "pandora", string password = ForeignServer.Password) =>
        new NpgsqlConnectionStringBuilder(_server.ConnectionString) { Database = name, Username = role, Password = password }.ConnectionString;

    private Task ExecuteAsync(string database, params string[] statements) => _server.ExecuteInAsync(database, statements);

    /// <returns>The line.</returns>
    private static async Task<string> ExpectRefusalAsync(string connectionString, params string[] said)
    {
        using var folder = new DataFolder();
        await using var process = PandoraProcess.Start(folder.Path, ("ConnectionStrings__pandora", connectionString));

        Assert.Equal(1, await process.EndAsync((int)AtOnce.TotalSeconds));
        var line = Assert.Single(process.Errors);
        Assert.All(said, text => Assert.Contains(text, line, StringComparison.Ordinal));
        Assert.DoesNotContain("unexpected fault", line, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", line, StringComparison.Ordinal);
        return line;
    }

    /// <summary>A server with a database that nobody may enter.</summary>
    public sealed class Place : IAsyncLifetime
    {
        internal ForeignServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Server = await ForeignServer.StartAsync();
            await Server.ExecuteAsync("CREATE DATABASE closed", "REVOKE CONNECT ON DATABASE closed FROM PUBLIC");
        }

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }
}
