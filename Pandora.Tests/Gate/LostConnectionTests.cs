using Npgsql;
using Pandora.Core.Gate;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>How the gate learns what became of a transaction whose connection broke during the commit.</summary>
public sealed class LostConnectionTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_committed_row_is_proof_and_a_missing_one_is_proof_of_the_contrary()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var recorded = Guid.Parse((await pandora.Node.ConsumeAsync(subscription.Request())).BaseResponse.RequestId);
        var committed = await pandora.Node.ScalarAsync<string>("SELECT pg_current_xact_id()::text"); // an update of nobody's

        Assert.True(await WasCommittedAsync(committed, recorded));
        Assert.False(await WasCommittedAsync(committed, Guid.CreateVersion7()));
    }

    [Fact]
    public async Task A_transaction_that_still_runs_leaves_it_open()
    {
        await using var other = new NpgsqlConnection(pandora.Node.ConnectionString);
        await other.OpenAsync(Token);
        await using var transaction = await other.BeginTransactionAsync(Token);
        await using var command = new NpgsqlCommand("SELECT pg_current_xact_id()::text", other);
        var number = (string)(await command.ExecuteScalarAsync(Token))!;

        Assert.Null(await WasCommittedAsync(number, Guid.CreateVersion7()));
        await transaction.RollbackAsync(Token);
        Assert.False(await WasCommittedAsync(number, Guid.CreateVersion7()));
    }

    [Fact]
    public async Task A_number_that_a_crash_made_the_server_forget_is_not_an_error() =>
        Assert.False(await WasCommittedAsync("9999999999", Guid.CreateVersion7()));

    private async Task<bool?> WasCommittedAsync(string transactionId, Guid requestId)
    {
        await using var connection = new NpgsqlConnection(pandora.Node.ConnectionString);
        await connection.OpenAsync(Token);
        return await BatchRun.WasCommittedAsync(connection, transactionId, requestId, Token);
    }
}
