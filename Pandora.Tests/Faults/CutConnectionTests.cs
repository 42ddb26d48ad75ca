using System.Diagnostics;
using Grpc.Core;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Faults;

/// <summary>The line between node and database breaks, in every way and at any moment.</summary>
[Collection(FaultSuite.Name)]
public sealed class CutConnectionTests
{
    private const int MostLateWaits = 4;

    [Fact]
    public async Task Hundreds_of_cuts_between_statement_and_answer_cost_nothing_and_grant_nothing()
    {
        await using var loaded = await LoadedNode.StartAsync(seed: 3001, behindProxy: true);

        await loaded.CutAsync(
            300, TimeSpan.FromSeconds(120), (CutKind.Before, 8), (CutKind.After, 40), (CutKind.OneSided, 4), (CutKind.Delay, 50));

        await loaded.RecoverAndProveAsync();
    }

    [Fact]
    public async Task A_line_that_broke_for_the_node_alone_leaves_no_locks_behind()
    {
        await using var loaded = await LoadedNode.StartAsync(seed: 3002, behindProxy: true);

        var waits = new List<TimeSpan>();
        for (var cuts = 1; cuts <= 40; cuts++)
        {
            await loaded.CutAsync(cuts, TimeSpan.FromSeconds(30), (CutKind.OneSided, 50));
            var started = Stopwatch.GetTimestamp();
            await loaded.Load.AnsweredAgainAsync(FaultSuite.RecoveryLimit, more: 32);
            waits.Add(Stopwatch.GetElapsedTime(started));
        }

        await loaded.RecoverAndProveAsync();
        // The database itself would take three seconds to end each transaction that is left to itself. A few may have waited
        // for a busy machine.
        Assert.InRange(waits.Count(wait => wait > TimeSpan.FromSeconds(2.5)), 0, MostLateWaits);
    }

    [Fact]
    public async Task Answers_that_never_come_are_unavailability_and_not_units()
    {
        await using var loaded = await LoadedNode.StartAsync(seed: 3003, behindProxy: true);

        await loaded.CutAsync(4, TimeSpan.FromSeconds(60), (CutKind.Silence, 20));

        await loaded.RecoverAndProveAsync();
    }

    [Fact]
    public async Task A_slow_line_only_takes_longer()
    {
        await using var loaded = await LoadedNode.StartAsync(seed: 3004, behindProxy: true);

        loaded.Proxy.Spoil((CutKind.Delay, 900));
        await loaded.Load.AnsweredAgainAsync(TimeSpan.FromSeconds(30), more: 200);
        loaded.Proxy.Spoil();

        await loaded.RecoverAndProveAsync();
        Assert.Equal(0, loaded.Load.Book.Count(StatusCode.Unavailable));
    }

    [Fact]
    public async Task A_node_that_loses_sight_of_the_database_keeps_nothing_from_the_others()
    {
        await using var loaded = await LoadedNode.StartAsync(seed: 3005, behindProxy: true);
        await using var other = await TestNode.StartAsync(loaded.Server.ConnectionString);

        for (var round = 0; round < 2; round++)
        {
            loaded.Load.MoveTo(loaded.Node.GrpcAddress, other.GrpcAddress);
            await loaded.Load.AnsweredAgainAsync(TimeSpan.FromSeconds(30));
            loaded.Proxy.Spoil((CutKind.Silence, 1000));
            loaded.Load.MoveTo(other.GrpcAddress);
            await loaded.Load.AnsweredAgainAsync(FaultSuite.RecoveryLimit);
            loaded.Proxy.Spoil();
        }

        await loaded.RecoverAndProveAsync();
    }
}
