using System.Diagnostics;

namespace Pandora.Benchmarks.Load;

/// <summary>When a job begins, begins to count, and ends; in ticks of <see cref="Stopwatch"/>.</summary>
internal readonly record struct JobTimes(long Start, long Counted, long End)
{
    public static JobTimes Of(LoadJob job)
    {
        var start = Stopwatch.GetTimestamp();
        var counted = start + (long)(job.WarmUpSeconds * Stopwatch.Frequency);
        return new JobTimes(start, counted, counted + (long)(job.Seconds * Stopwatch.Frequency));
    }
}
