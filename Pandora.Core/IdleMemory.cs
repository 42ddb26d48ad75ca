namespace Pandora.Core;

/// <summary>
/// Gives back the memory that a burst of work took, once the process has little to do. The collector by itself would keep
/// it until the next burst, while the database beside it may need it.
/// </summary>
internal static class IdleMemory
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    /// <summary>What is allocated within an interval by a process that has little to do, in bytes.</summary>
    private const long Little = 64 * 1_048_576;

    /// <summary>Less than that is not worth the pause, in bytes.</summary>
    private const long WorthThePause = 32 * 1_048_576;

    // The listener gives its own buffers back little by little, after the first time.
    private static readonly int[] IntervalsUntilNext = [1, 3, 12];

    /// <summary>Runs until <paramref name="stop"/>.</summary>
    public static async Task WatchAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Interval);
        var allocated = GC.GetTotalAllocatedBytes();
        var kept = 0L;
        var (times, wait) = (0, IntervalsUntilNext[0]);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                var before = allocated;
                allocated = GC.GetTotalAllocatedBytes();
                if (allocated - before >= Little)
                {
                    (times, wait) = (0, IntervalsUntilNext[0]);
                }
                else if (times < IntervalsUntilNext.Length && (times > 0 || Committed() > kept + WorthThePause) && --wait == 0)
                {
                    GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                    kept = Committed();
                    wait = ++times < IntervalsUntilNext.Length ? IntervalsUntilNext[times] : 0;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The process ends.
        }
    }

    private static long Committed() => GC.GetGCMemoryInfo().TotalCommittedBytes;
}
