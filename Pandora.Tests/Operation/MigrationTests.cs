using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pandora.Core.Persistence.Migrations;
using Pandora.Core.Settings;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

public sealed class MigrationTests(TestServer server)
{
    private static readonly Migration[] Steps =
    [
        new(1, "0001_one", "CREATE TABLE one (id integer PRIMARY KEY); INSERT INTO one VALUES (7)"),
        new(2, "0002_two", "SELECT pg_sleep(0.2); CREATE TABLE two AS SELECT * FROM one"),
    ];

    [Fact]
    public async Task The_migrations_of_this_version_are_numbered_without_gaps() =>
        Assert.Equal(Enumerable.Range(1, Migration.All.Count), await Task.FromResult(Migration.All.Select(migration => migration.Version)));

    [Fact]
    public async Task Nodes_that_migrate_at_once_apply_each_step_once()
    {
        var database = await server.CreateDatabaseAsync(empty: true);

        var applied = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => MigrateAsync(database, Steps)));

        Assert.Equal(["0001_one", "0002_two"], applied.SelectMany(names => names).Order());
        Assert.Empty(await MigrateAsync(database, Steps));
    }

    [Fact, Checklist(67)]
    public async Task An_older_database_is_brought_up_to_date_and_keeps_its_data()
    {
        var database = await server.CreateDatabaseAsync(empty: true);
        await MigrateAsync(database, Steps[..1]);

        Assert.Equal(["0002_two"], await MigrateAsync(database, Steps));

        Assert.Equal(7, await ScalarAsync(database, "SELECT id FROM two"));
    }

    [Fact]
    public async Task A_step_that_fails_leaves_nothing_behind()
    {
        var database = await server.CreateDatabaseAsync(empty: true);
        Migration[] faulty = [Steps[0], new(2, "0002_faulty", "CREATE TABLE half (id integer); SELECT 1/0")];

        await Assert.ThrowsAsync<StartRefusedException>(() => MigrateAsync(database, faulty));

        Assert.Equal(1, await ScalarAsync(database, "SELECT max(version) FROM schema_migration"));
        Assert.Equal(true, await ScalarAsync(database, "SELECT to_regclass('half') IS NULL"));
    }

    [Fact]
    public async Task A_schema_newer_than_the_binary_is_refused()
    {
        var database = await server.CreateDatabaseAsync(empty: true);
        await MigrateAsync(database, Steps);

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => MigrateAsync(database, Steps[..1]));

        Assert.Contains("schema version 2", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_product_refuses_a_newer_schema_with_exit_code_1()
    {
        var database = await server.CreateDatabaseAsync();
        await ScalarAsync(database, "INSERT INTO schema_migration VALUES (9999, '9999_later', now())");
        using var folder = new DataFolder();
        await using var process = PandoraProcess.Start(folder.Path, ("ConnectionStrings__pandora", database));

        Assert.Equal(1, await process.EndAsync());
        Assert.Contains("9999", Assert.Single(process.Errors), StringComparison.Ordinal);
    }

    private static Task<IReadOnlyList<string>> MigrateAsync(string database, Migration[] migrations) =>
        Migrator.MigrateAsync(database, migrations, NullLogger.Instance, TestContext.Current.CancellationToken);

    private static async Task<object?> ScalarAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }
}
