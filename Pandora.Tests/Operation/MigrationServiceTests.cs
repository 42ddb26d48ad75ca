using Npgsql;
using Pandora.Core.Persistence.Migrations;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

/// <summary>The migration service, run as compose and Kubernetes run it: exit codes, waits, signals.</summary>
public sealed class MigrationServiceTests(TestServer server)
{
    private const int Stopped = 2;

    /// <summary>Which all versions take to migrate.</summary>
    private const long MigrationLock = 0x50_61_6E_64_6F_72_61;

    [Fact]
    public async Task It_migrates_and_says_what_it_does()
    {
        var database = await server.CreateDatabaseAsync(empty: true);
        await using var service = Start(database);

        Assert.Equal(0, await service.EndAsync());
        Assert.Equal(Migration.All[^1].Version, await ScalarAsync(database, "SELECT max(version) FROM schema_migration"));
        Assert.All(Migration.All, migration => Assert.Contains(service.Output, line => line.Contains($"Applied migration {migration.Name}", StringComparison.Ordinal)));
        Assert.Empty(service.Errors);
    }

    [Fact]
    public async Task Several_at_once_apply_each_migration_once()
    {
        var database = await server.CreateDatabaseAsync(empty: true);
        var services = Enumerable.Range(0, 3).Select(_ => Start(database)).ToList();

        var exitCodes = await Task.WhenAll(services.Select(service => service.EndAsync()));

        Assert.Equal([0, 0, 0], exitCodes);
        var applied = services.SelectMany(service => service.Output).Count(line => line.Contains("Applied migration", StringComparison.Ordinal));
        Assert.Equal(Migration.All.Count, applied);
        foreach (var service in services)
        {
            await service.DisposeAsync();
        }
    }

    [Fact]
    public async Task It_waits_for_a_database_that_is_still_starting()
    {
        await using var database = await OwnServer.StartAsync();
        await database.StopAsync();
        await using var service = Start(database.ConnectionString);
        await service.UntilAsync(line => line.Contains("Waiting for the database", StringComparison.Ordinal), "a line of progress");

        await database.ResumeFromStopAsync();

        Assert.Equal(0, await service.EndAsync());
    }

    [Theory]
    [InlineData("TERM"), InlineData("INT")]
    public async Task It_can_be_stopped_while_it_waits_for_the_database(string signal)
    {
        var (nobody, _) = PandoraProcess.FreePorts();
        await using var service = Start($"Host=127.0.0.1;Port={nobody};Username=u;Password=hidden");
        await service.UntilAsync(line => line.Contains("Waiting for the database", StringComparison.Ordinal), "a line of progress");

        Assert.Equal(Stopped, await service.StopAsync(signal));
        Assert.Contains("Stopped before", Assert.Single(service.Errors), StringComparison.Ordinal);
        Assert.DoesNotContain(service.Output, line => line.Contains("hidden", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("TERM"), InlineData("INT")]
    public async Task It_can_be_stopped_while_another_one_migrates(string signal)
    {
        var database = await server.CreateDatabaseAsync(empty: true);
        await using var other = new NpgsqlConnection(database);
        await other.OpenAsync(TestContext.Current.CancellationToken);
        await using var hold = new NpgsqlCommand($"SELECT pg_advisory_lock({MigrationLock})", other);
        await hold.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await using var service = Start(database);
        await service.UntilAsync(line => line.Contains("Waiting for another node", StringComparison.Ordinal), "a line of progress");

        Assert.Equal(Stopped, await service.StopAsync(signal));
        Assert.Contains("Stopped before", Assert.Single(service.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_refuses_a_newer_schema()
    {
        var database = await server.CreateDatabaseAsync();
        await ScalarAsync(database, "INSERT INTO schema_migration VALUES (9999, '9999_later', now())");
        await using var service = Start(database);

        Assert.Equal(1, await service.EndAsync());
        Assert.Contains("9999", Assert.Single(service.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_takes_no_arguments()
    {
        await using var service = PandoraProcess.Start(
            ["Pandora.MigrationService.dll", "--help"], folder: null, [("ConnectionStrings__pandora", "Host=127.0.0.1;Port=1")]);

        Assert.Equal(1, await service.EndAsync());
        Assert.Contains("--help is not understood", Assert.Single(service.Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ConnectionStrings__pandora", null)]
    [InlineData("ConnectionStrings__pandora", "Host=db;Password=hidden;Bogus=1")]
    [InlineData("PANDORA_DB_DNS", "host=db password=hidden bogus=1")]
    [InlineData("PANDORA_DB_PORT", "none")]
    public async Task A_fault_in_the_configuration_is_one_line_and_exit_code_1(string name, string? value)
    {
        await using var service = PandoraProcess.Start("Pandora.MigrationService.dll", folder: null, (name, value));

        Assert.Equal(1, await service.EndAsync());
        var line = Assert.Single(service.Errors);
        Assert.Contains(name, line, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_that_it_did_is_exported_before_it_ends()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        var database = await server.CreateDatabaseAsync(empty: true);
        await using var service = PandoraProcess.Start(
            "Pandora.MigrationService.dll", folder: null,
            ("ConnectionStrings__pandora", database), ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.GrpcEndpoint));

        Assert.Equal(0, await service.EndAsync());

        var run = Assert.Single(receiver.Spans, span => span.Name == "migrate");
        Assert.Equal("pandora-migrations", run.Resource["service.name"]);
        Assert.Equal(
            Migration.All.Select(migration => $"migrate {migration.Name}"),
            receiver.Spans.Where(span => span.ParentId == run.SpanId).Select(span => span.Name).Order(StringComparer.Ordinal));
        Assert.Contains(receiver.Logs, log => log.Attributes.GetValueOrDefault("event.id") == "1050");
        Assert.Contains(receiver.Metrics, metric => metric.Meter == "System.Runtime");
        Assert.False(receiver.Holds(new NpgsqlConnectionStringBuilder(database).Password!));
    }

    private static PandoraProcess Start(string database) =>
        PandoraProcess.Start("Pandora.MigrationService.dll", folder: null, ("ConnectionStrings__pandora", database));

    private static async Task<object?> ScalarAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }
}
