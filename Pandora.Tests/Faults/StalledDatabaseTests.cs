using Grpc.Core;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Faults;

/// <summary>Every process of the database stands still for seconds, with its connections open.</summary>
[Collection(FaultSuite.Name)]
public sealed class StalledDatabaseTests
{
    [Fact]
    public async Task A_stall_is_unavailability_while_it_lasts_and_nothing_afterwards()
    {
        const int unavailable = 20; // more than there are callers, so that some heard it twice
        await using var loaded = await LoadedNode.StartAsync(seed: 4001);

        loaded.Server.Stall();
        await Eventually.HoldsAsync(
            $"{unavailable} calls heard of it",
            () => Task.FromResult(loaded.Load.Book.Count(StatusCode.Unavailable) >= unavailable),
            TimeSpan.FromSeconds(40));
        loaded.Server.ResumeFromStall();

        await loaded.RecoverAndProveAsync();
    }

    [Fact]
    public async Task Stalls_too_short_to_be_noticed_are_only_slow()
    {
        await using var loaded = await LoadedNode.StartAsync(seed: 4002);

        for (var round = 0; round < 20; round++)
        {
            loaded.Server.Stall();
            loaded.Server.ResumeFromStall();
            await loaded.Load.AnsweredAgainAsync(FaultSuite.RecoveryLimit, more: 5);
        }

        await loaded.RecoverAndProveAsync();
        Assert.Equal(0, loaded.Load.Book.Count(StatusCode.Unavailable));
    }
}
