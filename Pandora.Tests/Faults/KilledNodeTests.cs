using Pandora.Tests.Harness;
using Pandora.Tests.Operation;

namespace Pandora.Tests.Faults;

/// <summary>The product as a process, killed under load.</summary>
[Collection(FaultSuite.Name)]
public sealed class KilledNodeTests
{
    private const int Callers = 24;

    [Fact]
    public async Task A_killed_node_leaves_books_that_agree_and_the_next_start_goes_on_where_it_was()
    {
        const long quota = 10_000_000;
        using var folder = new DataFolder();
        using var enough = new CancellationTokenSource();
        using var giveUp = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        Load load;
        Task calling;
        await using (var process = await PandoraProcess.StartReadyAsync(folder.Path))
        {
            using var rest = await process.SignInFirstAsync();
            load = new Load(await new Scenario(rest).SubscriptionAsync(quota), Callers, seed: 1001);
            load.MoveTo(process.GrpcAddress);
            calling = load.RunAsync(enough.Token, giveUp.Token);
            await load.AnsweredAsync(300);

            Signals.Send("KILL", process.Id);
            await process.EndAsync();
        }

        var verification = await PandoraProcess.RunAsync(["verify"], folder.Path);
        Assert.True(verification.ExitCode == 0, string.Join('\n', [.. verification.Output, .. verification.Errors]));

        await using var again = await PandoraProcess.StartReadyAsync(folder.Path);
        load.MoveTo(again.GrpcAddress); // what was not answered is asked again, under the same names
        await load.AnsweredAgainAsync(FaultSuite.RecoveryLimit);
        await enough.CancelAsync();
        await calling;
        await load.ExpectProvenAsync(folder.ConnectionString, quota, refusedLeaveNothing: false);
        Assert.Equal(0, await again.StopAsync());
    }

    [Theory]
    [InlineData(false, 1002), InlineData(true, 1003)]
    public async Task Of_two_nodes_one_is_killed_and_together_they_grant_the_quota_exactly(bool mixed, int seed)
    {
        const long quota = 5_000;
        await using var server = await OwnServer.StartAsync(flushes: true);
        using var folder = new DataFolder();
        using var otherFolder = new DataFolder();
        await using var process = PandoraProcess.Start(folder.Path, ("ConnectionStrings__pandora", server.ConnectionString));
        await using var other = PandoraProcess.Start(otherFolder.Path, ("ConnectionStrings__pandora", server.ConnectionString));
        await Task.WhenAll(process.UntilReadyAsync(), other.UntilReadyAsync());
        using var rest = new RestClient(other.RestAddress);
        await rest.SignInAsync(TestAccount.Username, TestAccount.Password);
        var load = new Load(await new Scenario(rest).SubscriptionAsync(quota), Callers, seed, mixed);
        load.MoveTo(process.GrpcAddress, other.GrpcAddress);
        using var giveUp = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var calling = load.RunAsync(CancellationToken.None, giveUp.Token);
        await load.AnsweredAsync(800);

        Signals.Send("KILL", process.Id);

        await ExpectTotalsAsync();
        load.MoveTo(other.GrpcAddress);
        await process.EndAsync();
        await ExpectTotalsAsync();
        await calling;
        await load.UseUpAsync(giveUp.Token);
        Assert.Equal(0, await ExpectTotalsAsync());
        await load.ExpectProvenAsync(server.ConnectionString, quota, refusedLeaveNothing: false);
        Assert.Equal(0, await other.StopAsync());

        async Task<long> ExpectTotalsAsync()
        {
            var (rows, units, left) = await load.ReadTotalsAsync(server.ConnectionString);
            Assert.Equal(quota, units + left);
            Assert.True(mixed || quota == rows + left, $"{rows} rows and {left} left");
            return left;
        }
    }
}
