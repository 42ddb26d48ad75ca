using System.Diagnostics;

namespace Pandora.Benchmarks.Load;

/// <summary>When the calls of an open loop are due: as from callers who know nothing of each other.</summary>
internal sealed class Arrivals(double callsPerSecond, int seed)
{
#pragma warning disable CA5394 // Nothing here is a secret.
    private readonly Random _random = new(seed);
    private readonly double _meanGap = Stopwatch.Frequency / callsPerSecond;

    /// <summary>In ticks of <see cref="Stopwatch"/>.</summary>
    public long Next { get; private set; }

    public void Begin(long now)
    {
        Next = now;
        Advance();
    }

    public void Advance() => Next += (long)(-Math.Log(1 - _random.NextDouble()) * _meanGap);
#pragma warning restore CA5394
}
