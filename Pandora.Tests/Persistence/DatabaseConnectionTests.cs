using Npgsql;
using Pandora.Core.Persistence;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Persistence;

/// <summary>What every connection of the product can rely on.</summary>
public sealed class DatabaseConnectionTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("idle_in_transaction_session_timeout", "30s", "3s")]
    [InlineData("default_transaction_isolation", "read committed", "read committed")]
    [InlineData("plan_cache_mode", "auto", "force_generic_plan")]
    public async Task Session_settings_hold_on_every_use_of_a_pooled_connection(string setting, string ofCalls, string ofGate)
    {
        await using (var connection = new NpgsqlConnection(pandora.Node.ConnectionString))
        {
            await connection.OpenAsync(Token);
            await using var change = new NpgsqlCommand(
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''', current_database()); END $$", connection);
            await change.ExecuteNonQueryAsync(Token);
        }
        var settings = new NpgsqlConnectionStringBuilder(pandora.Node.ConnectionString) { MaxPoolSize = 1, MinPoolSize = 0 };

        foreach (var (open, value) in new (Func<string, NpgsqlDataSource>, string)[]
                 {
                     (address => DatabaseConnection.ForCalls(address), ofCalls),
                     (address => DatabaseConnection.ForLanes(address), ofGate),
                     (address => DatabaseConnection.ForReports(address), ofGate),
                 })
        {
            await using var pool = open(settings.ConnectionString);
            for (var use = 0; use < 3; use++)
            {
                await using var command = pool.CreateCommand($"SHOW {setting}");
                Assert.Equal(value, await command.ExecuteScalarAsync(Token));
            }
        }
    }

    [Fact]
    public async Task A_connection_that_broke_while_its_lane_was_idle_costs_no_check()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        await pandora.Node.ConsumeAsync(subscription.Request());
        await pandora.Node.ExecuteAsync("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");

        var answer = await pandora.Node.ConsumeAsync(subscription.Request());

        Assert.Equal((true, 98), (answer.BaseResponse.Valid, answer.AvailableRequest));
        Assert.Equal(2, await pandora.Node.CallsOfAsync(subscription));
    }
}
