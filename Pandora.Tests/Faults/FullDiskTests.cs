using Grpc.Core;
using Pandora.Tests.Harness;
using Pandora.Tests.Operation;

namespace Pandora.Tests.Faults;

/// <summary>The disk of the private database is full: its log cannot grow, nor its tables.</summary>
[Collection(FaultSuite.Name)]
public sealed class FullDiskTests
{
    private const long Quota = 10_000_000;
    private const int Callers = 16;

    [Fact]
    public async Task A_full_disk_refuses_calls_and_room_on_it_is_all_that_is_needed()
    {
        const int refusals = 20; // more than there are callers
        using var disk = TinyDisk.Mount(megabytes: 256);
        using var folder = new DataFolder(disk.Path);
        using var enough = new CancellationTokenSource();
        using var giveUp = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        await using var process = await PandoraProcess.StartReadyAsync(folder.Path);
        using var rest = await process.SignInFirstAsync();
        var load = new Load(await new Scenario(rest).SubscriptionAsync(Quota), Callers, seed: 5001);
        load.MoveTo(process.GrpcAddress);
        var calling = load.RunAsync(enough.Token, giveUp.Token);
        await load.AnsweredAsync(100);

        disk.Fill(megabytesLeft: 1);
        await Eventually.HoldsAsync(
            $"{refusals} refusals",
            () => Task.FromResult(load.Book.Count(StatusCode.Unavailable) >= refusals),
            TimeSpan.FromSeconds(60),
            () => string.Join('\n', [.. process.Output, .. process.Errors]));
        await process.UntilAsync(line => line.Contains(folder.Cluster, StringComparison.Ordinal) && line.Contains("MiB left", StringComparison.Ordinal), "the warning");
        disk.MakeRoom();

        await load.AnsweredAgainAsync(FaultSuite.RecoveryLimit);
        await enough.CancelAsync();
        await calling;
        await load.ExpectProvenAsync(folder.ConnectionString, Quota, refusedLeaveNothing: true);
        Assert.Equal(0, await process.StopAsync());
        var verification = await PandoraProcess.RunAsync(["verify"], folder.Path);
        Assert.True(verification.ExitCode == 0, string.Join('\n', [.. verification.Output, .. verification.Errors]));
    }
}
