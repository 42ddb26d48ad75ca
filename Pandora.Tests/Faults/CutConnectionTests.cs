using Pandora.Core.Grpc;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Faults;

/// <summary>The line between node and database breaks, in every way and at any moment.</summary>
[Collection(FaultSuite.Name)]
public sealed class CutConnectionTests
{
    private const int Cuts = 300;

    [Fact]
    public async Task Hundreds_of_cuts_between_statement_and_answer_cost_nothing_and_grant_nothing()
    {
        await using var loaded = await LoadedNode.StartAsync(seed: 3001, behindProxy: true);

        loaded.Proxy.Spoil((CutKind.Before, 8), (CutKind.After, 40), (CutKind.OneSided, 4), (CutKind.Delay, 50));
        await Eventually.HoldsAsync(
            $"{Cuts} cuts",
            () => Task.FromResult(loaded.Proxy.Cuts >= Cuts),
            TimeSpan.FromSeconds(120),
            () => $"{loaded.Proxy.Cuts} were");
        loaded.Proxy.Spoil();

        await loaded.RecoverAndProveAsync();
    }

    [Fact]
    public async Task Answers_that_never_come_are_unavailability_and_not_units()
    {
        const int Silences = 6;
        await using var loaded = await LoadedNode.StartAsync(seed: 3002, behindProxy: true);

        loaded.Proxy.Spoil((CutKind.Silence, 20));
        await Eventually.HoldsAsync(
            $"{Silences} silences",
            () => Task.FromResult(loaded.Proxy.Cuts >= Silences),
            TimeSpan.FromSeconds(60),
            () => $"{loaded.Proxy.Cuts} were");
        loaded.Proxy.Spoil();

        await loaded.RecoverAndProveAsync();
    }

    [Fact]
    public async Task A_slow_line_only_takes_longer()
    {
        await using var loaded = await LoadedNode.StartAsync(seed: 3003, behindProxy: true);

        loaded.Proxy.Spoil((CutKind.Delay, 900));
        await loaded.Load.AnsweredAgainAsync(TimeSpan.FromSeconds(30), more: 200);
        loaded.Proxy.Spoil();

        await loaded.RecoverAndProveAsync();
        Assert.Equal(0, loaded.Load.Book.Count(GrpcCode.Unavailable));
    }
}
