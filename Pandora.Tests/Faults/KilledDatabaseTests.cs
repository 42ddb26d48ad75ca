using Npgsql;
using Pandora.Tests.Harness;
using Pandora.Tests.Operation;

namespace Pandora.Tests.Faults;

/// <summary>The database, or the one process of it that works for the ledger, is killed under load.</summary>
[Collection(FaultSuite.Name)]
public sealed class KilledDatabaseTests
{
    // The ledger's connections are known by the statement that nobody else sends.
    private const string LedgerServers =
        "FROM pg_stat_activity WHERE query LIKE '%directory_version%request%' AND pid <> pg_backend_pid()";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_killed_postmaster_comes_back_and_the_service_with_it()
    {
        await using var loaded = await LoadedNode.StartAsync(seed: 2001);

        for (var round = 0; round < 3; round++)
        {
            // What the killed one leaves behind goes on answering for a moment; the next to be killed is the new one.
            var victim = loaded.Server.ProcessId;
            Signals.Send("KILL", victim);
            await Eventually.HoldsAsync(
                "another postmaster",
                () => Task.FromResult(loaded.Server.ProcessIdIfAny is not 0 and var now && now != victim),
                FaultSuite.RecoveryLimit);
            await loaded.Load.AnsweredAgainAsync(FaultSuite.RecoveryLimit);
        }

        await loaded.RecoverAndProveAsync();
    }

    [Fact]
    public async Task The_ledgers_servers_ended_again_and_again_are_replaced()
    {
        await using var loaded = await LoadedNode.StartAsync(seed: 2002);

        var ended = 0L;
        while (ended < 60)
        {
            ended += await LedgerServersAsync<long>(loaded, "count(pg_terminate_backend(pid))");
            await loaded.Load.AnsweredAgainAsync(FaultSuite.RecoveryLimit, more: 10);
        }

        await loaded.RecoverAndProveAsync();
    }

    [Fact]
    public async Task A_killed_server_of_the_ledger_takes_the_database_through_recovery_and_nothing_is_lost()
    {
        await using var loaded = await LoadedNode.StartAsync(seed: 2003);

        for (var round = 0; round < 5; round++)
        {
            var victim = 0;
            await Eventually.HoldsAsync(
                "a server of the ledger", async () => (victim = await LedgerServersAsync<int>(loaded, "coalesce(max(pid), 0)")) > 0);
            Signals.Send("KILL", victim);
            await loaded.Load.AnsweredAgainAsync(FaultSuite.RecoveryLimit);
        }

        await loaded.RecoverAndProveAsync();
    }

    private static async Task<T> LedgerServersAsync<T>(LoadedNode loaded, string what)
    {
        await using var dataSource = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(loaded.Server.ConnectionString) { Pooling = false });
        await using var command = dataSource.CreateCommand($"SELECT {what} {LedgerServers}");
        return (T)(await command.ExecuteScalarAsync(Token))!;
    }
}
