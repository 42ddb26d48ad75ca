using Npgsql;
using Pandora.Tests.Harness;

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
    public async Task A_database_of_a_server_without_a_locale_keeps_every_text_and_is_taken()
    {
        var name = Scenario.NewName("ascii");
        await _server.ExecuteAsync($"CREATE DATABASE \"{name}\" OWNER pandora ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
        using var folder = new DataFolder();

        await using var process = await PandoraProcess.StartReadyAsync(folder.Path, ("ConnectionStrings__pandora", Database(name)));

        Assert.Equal(0, await process.StopAsync());
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
