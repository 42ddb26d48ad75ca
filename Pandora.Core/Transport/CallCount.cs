namespace Pandora.Core.Transport;

/// <summary>How many calls are open, and how many of these for long. Safe for many threads.</summary>
internal sealed class CallCount
{
    private int _open;
    private int _long;

    /// <summary>Counts one more; <see cref="Remove"/> must follow. False: it is one too many, and not counted.</summary>
    /// <param name="most">Of all; of long ones half as many.</param>
    public bool TryAdd(int most, bool isLong)
    {
        if (Interlocked.Increment(ref _open) > most)
        {
            Interlocked.Decrement(ref _open);
            return false;
        }
        if (isLong && Interlocked.Increment(ref _long) > most / 2)
        {
            Remove(isLong);
            return false;
        }
        return true;
    }

    public void Remove(bool isLong)
    {
        if (isLong)
        {
            Interlocked.Decrement(ref _long);
        }
        Interlocked.Decrement(ref _open);
    }
}
