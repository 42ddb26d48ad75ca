using System.Diagnostics;

namespace Pandora.Benchmarks.Load;

/// <summary>Collects how long calls took.</summary>
internal sealed class LatencySamples
{
    private const int FirstCapacity = 1 << 16;
    private static readonly double MillisecondsPerTick = 1000.0 / Stopwatch.Frequency;

    private long[] _ticks = new long[FirstCapacity];

    public int Count { get; private set; }

    /// <param name="ticks">Of <see cref="Stopwatch"/>.</param>
    public void Add(long ticks)
    {
        if (Count == _ticks.Length)
        {
            Array.Resize(ref _ticks, _ticks.Length * 2);
        }
        _ticks[Count++] = ticks;
    }

    public static Latencies Summarize(IReadOnlyCollection<LatencySamples> parts)
    {
        long[] all = [.. parts.SelectMany(part => part._ticks.Take(part.Count))];
        if (all.Length == 0)
        {
            return default;
        }
        Array.Sort(all);
        return new Latencies(all.Average() * MillisecondsPerTick, At(0.5), At(0.99), At(0.999));

        double At(double share) => all[Math.Min((int)(all.Length * share), all.Length - 1)] * MillisecondsPerTick;
    }
}
