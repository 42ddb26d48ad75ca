using Pandora.Core.Security;

namespace Pandora.Tests.Security;

public sealed class TurnQueueTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task Networks_take_turns_whoever_came_first()
    {
        var queue = new TurnQueue(permits: 1, room: 8, Long);
        var held = await queue.AcquireAsync("first", Ct);
        List<string> served = [];
        Task[] waiting = [.. "a1 a2 a3 b1 c1 b2".Split(' ').Select(name => ServeAsync(queue, name, served))];

        held!.Dispose();
        await Task.WhenAll(waiting);

        Assert.Equal("a1 b1 c1 a2 b2 a3", string.Join(' ', served));
    }

    [Fact]
    public async Task Where_there_is_no_room_the_network_with_most_waiting_gives_way_and_nobody_else()
    {
        var queue = new TurnQueue(permits: 1, room: 3, Long);
        var held = await queue.AcquireAsync("first", Ct);
        List<string> served = [];
        Task[] waiting = [.. "a1 a2 a3 a4 b1 c1 d1 a5 b2".Split(' ').Select(name => ServeAsync(queue, name, served))];

        held!.Dispose();
        await Task.WhenAll(waiting);

        Assert.Equal("a1 b1 c1", string.Join(' ', served.Where(name => name[0] != '-')));
        Assert.Equal("-a2 -a3 -a4 -a5 -b2 -d1", string.Join(' ', served.Where(name => name[0] == '-').Order(StringComparer.Ordinal)));
    }

    [Fact]
    public async Task Nobody_waits_for_longer_than_the_limit_and_who_leaves_makes_room()
    {
        var queue = new TurnQueue(permits: 1, room: 1, TimeSpan.FromMilliseconds(50));
        var held = await queue.AcquireAsync("first", Ct);
        using var hangUp = new CancellationTokenSource();

        Assert.Null(await queue.AcquireAsync("a", Ct));
        var leaving = queue.AcquireAsync("a", hangUp.Token).AsTask();
        await hangUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        var next = queue.AcquireAsync("a", Ct).AsTask();
        held!.Dispose();
        held.Dispose();

        Assert.NotNull(await next);
        Assert.Null(await queue.AcquireAsync("b", Ct));
    }

    [Fact]
    public async Task Any_number_of_callers_who_come_wait_and_leave_at_once_lose_no_permit()
    {
        var queue = new TurnQueue(permits: 3, room: 16, TimeSpan.FromMilliseconds(5));
        var (holding, most) = (0, 0);

        await Parallel.ForAsync(0, 2000, new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = Ct }, async (i, _) =>
        {
            using var hangUp = new CancellationTokenSource();
            var acquiring = queue.AcquireAsync($"{i % 7}", hangUp.Token).AsTask();
            if (i % 5 == 0)
            {
                await hangUp.CancelAsync();
            }
            try
            {
                using var permit = await acquiring;
                if (permit is not null)
                {
                    var now = Interlocked.Increment(ref holding);
                    InterlockedMax(ref most, now);
                    await Task.Yield();
                    Interlocked.Decrement(ref holding);
                }
            }
            catch (OperationCanceledException)
            {
                // It left.
            }
        });

        Assert.InRange(most, 1, 3);
        for (var i = 0; i < 3; i++)
        {
            Assert.NotNull(await queue.AcquireAsync("all of them are back", Ct));
        }
        Assert.Null(await queue.AcquireAsync("and no more", Ct));
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Notes who got the permit, or with a dash who had to go.</summary>
    /// <param name="name">Its first letter is the network.</param>
    private static async Task ServeAsync(TurnQueue queue, string name, List<string> served)
    {
        using var permit = await queue.AcquireAsync(name[..1], Ct);
        lock (served)
        {
            served.Add(permit is null ? $"-{name}" : name);
        }
    }

    private static void InterlockedMax(ref int most, int now)
    {
        int seen;
        while (now > (seen = Volatile.Read(ref most)) && Interlocked.CompareExchange(ref most, now, seen) != seen)
        {
        }
    }
}
