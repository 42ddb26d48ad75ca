namespace Pandora.ServiceDefaults;

/// <summary>So many a second, up to a second's worth at once. Asked on the hot path: no lock, no allocation.</summary>
internal sealed class RateLimit
{
    private readonly TimeProvider _time;
    private readonly long _interval;
    private readonly long _burst;

    // The instant up to which the past is used up, in ticks of the clock.
    private long _usedUpTo;

    public RateLimit(int perSecond, TimeProvider time)
    {
        _time = time;
        _interval = time.TimestampFrequency / perSecond;
        _burst = time.TimestampFrequency - _interval;
        _usedUpTo = time.GetTimestamp() - _burst;
    }

    /// <summary>Of two that ask in the same instant one may be refused though there is room: nobody waits for a number.</summary>
    public bool TryTake()
    {
        var now = _time.GetTimestamp();
        var usedUpTo = Volatile.Read(ref _usedUpTo);
        var from = Math.Max(usedUpTo, now - _burst);
        return from <= now && Interlocked.CompareExchange(ref _usedUpTo, from + _interval, usedUpTo) == usedUpTo;
    }
}
