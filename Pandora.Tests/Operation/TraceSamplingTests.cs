using System.Diagnostics;
using Pandora.ServiceDefaults;

namespace Pandora.Tests.Operation;

/// <summary>Which checks become a trace, without a sampler of the operator's own.</summary>
public sealed class TraceSamplingTests
{
    private readonly Stopwatch _clock = new();

    [Fact]
    public void Of_the_calls_that_begin_a_trace_fifty_a_second_are_recorded()
    {
        var sampling = TraceSampling.Default(_clock);

        Assert.Equal(TraceSampling.CallsPerSecond, Recorded(sampling, 1000)); // a second's worth at once
        Assert.Equal(0, Recorded(sampling, 1000));
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(TraceSampling.CallsPerSecond / 10, Recorded(sampling, 1000));
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(TraceSampling.CallsPerSecond, Recorded(sampling, 1000)); // quiet times are not saved up
    }

    [Fact]
    public async Task Callers_at_once_never_get_more()
    {
        var sampling = TraceSampling.Default(_clock);

        var recorded = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Recorded(sampling, 10_000))));

        Assert.Equal(TraceSampling.CallsPerSecond, recorded.Sum());
    }

    [Theory]
    [InlineData(ActivityTraceFlags.Recorded, 1000), InlineData(ActivityTraceFlags.None, 0)]
    public void A_trace_that_began_elsewhere_is_followed_whatever_the_rate(ActivityTraceFlags flags, int recorded)
    {
        var parent = new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), flags, isRemote: true);

        Assert.Equal(recorded, Recorded(TraceSampling.Default(_clock), 1000, parent));
    }

    [Fact]
    public void To_be_asked_costs_no_memory()
    {
        var sampling = TraceSampling.Default(_clock);
        Recorded(sampling, 100);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Recorded(sampling, 10_000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static int Recorded(TraceSampling sampling, int calls, ActivityContext parent = default)
    {
        var recorded = 0;
        for (var i = 0; i < calls; i++)
        {
            recorded += sampling.Wants(parent) ? 1 : 0;
        }
        return recorded;
    }

    /// <summary>Moves when told to.</summary>
    private sealed class Stopwatch : TimeProvider
    {
        private long _ticks = TimeSpan.TicksPerDay;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan by) => _ticks += by.Ticks;
    }
}
