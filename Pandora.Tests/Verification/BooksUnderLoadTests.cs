using Pandora.Tests.Harness;

namespace Pandora.Tests.Verification;

public sealed class BooksUnderLoadTests(TestServer server)
{
    private const long Quota = 1_000_000;

    [Fact]
    public async Task Books_are_proved_while_calls_are_served()
    {
        await using var node = await TestNode.StartAsync(await server.CreateDatabaseAsync());
        using var enough = new CancellationTokenSource();
        var load = new Load(await new Scenario(node).SubscriptionAsync(Quota), callers: 8, seed: 6001);
        load.MoveTo(node.GrpcAddress);
        var calling = load.RunAsync(enough.Token, CancellationToken.None);

        for (var round = 1; round <= 10; round++)
        {
            await load.AnsweredAgainAsync(TimeSpan.FromSeconds(60));
            await LoadProof.ExpectCleanAsync(node.ConnectionString);
        }

        await enough.CancelAsync();
        await calling;
        await load.ExpectProvenAsync(node.ConnectionString, Quota, refusedLeaveNothing: true);
    }
}
