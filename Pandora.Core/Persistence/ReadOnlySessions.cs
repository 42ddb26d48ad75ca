namespace Pandora.Core.Persistence;

/// <summary>
/// Remembers that a pool has got a connection whose session cannot write. It may stay so when the database takes writes
/// again, so that such connections must not grow old.
/// </summary>
internal sealed class ReadOnlySessions
{
    private volatile bool _any;

    public void Note() => _any = true;

    /// <summary>Whether there were any since the last call.</summary>
    public bool Take()
    {
        var any = _any;
        _any = false;
        return any;
    }
}
