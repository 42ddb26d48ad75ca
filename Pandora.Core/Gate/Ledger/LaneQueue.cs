using System.Threading.Channels;

namespace Pandora.Core.Gate.Ledger;

/// <summary>
/// The checks that wait in one lane. Each known key has a line of its own and the lines take turns, so that a key with
/// thousands of waiting checks does not keep another one waiting for more than a batch; all unknown keys share one line.
/// Safe for many writers and one reader.
/// </summary>
internal sealed class LaneQueue
{
    // Of all the room, so that one key alone cannot have the others refused.
    private const int Capacity = 16_384;
    private const int LineCapacity = Capacity / 2;
    private const int MostSpare = 256;

    private readonly Lock _lock = new();
    private readonly Dictionary<int, Queue<PendingCheck>> _lines = [];
    private readonly Queue<(int KeyId, Queue<PendingCheck> Line)> _turns = [];

    // Empty lines to be used again: most keys have one check in a batch.
    private readonly Stack<Queue<PendingCheck>> _spare = [];
    private readonly Channel<bool> _signal =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private int _count;
    private bool _isClosed;

    /// <summary>How many checks wait.</summary>
    public int Count => Volatile.Read(ref _count);

    public bool IsClosed => Volatile.Read(ref _isClosed);

    /// <summary>False: the line is full, or the queue is closed.</summary>
    /// <param name="keyId">0: unknown.</param>
    public bool TryAdd(PendingCheck check, int keyId)
    {
        lock (_lock)
        {
            if (_isClosed || _count >= Capacity)
            {
                return false;
            }
            if (!_lines.TryGetValue(keyId, out var line))
            {
                _lines.Add(keyId, line = _spare.TryPop(out var spare) ? spare : new());
                _turns.Enqueue((keyId, line));
            }
            if (line.Count >= LineCapacity)
            {
                return false;
            }
            line.Enqueue(check);
            if (_count++ > 0)
            {
                return true;
            }
        }
        _signal.Writer.TryWrite(true);
        return true;
    }

    /// <summary>Waits until there is something. False: the queue is closed and empty.</summary>
    public async ValueTask<bool> WaitAsync(CancellationToken ct)
    {
        while (true)
        {
            lock (_lock)
            {
                if (_count > 0)
                {
                    return true;
                }
                if (_isClosed)
                {
                    return false;
                }
            }
            await _signal.Reader.ReadAsync(ct);
        }
    }

    /// <summary>Moves at most <paramref name="most"/> checks into <paramref name="batch"/>, one of each line in turn.</summary>
    public void Take(List<PendingCheck> batch, int most)
    {
        lock (_lock)
        {
            while (batch.Count < most && _turns.TryDequeue(out var turn))
            {
                batch.Add(turn.Line.Dequeue());
                _count--;
                if (turn.Line.Count > 0)
                {
                    _turns.Enqueue(turn);
                    continue;
                }
                _lines.Remove(turn.KeyId);
                if (_spare.Count < MostSpare)
                {
                    _spare.Push(turn.Line);
                }
            }
        }
    }

    /// <summary>Takes no more checks; those that wait are still served.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
        }
        _signal.Writer.TryWrite(true);
    }
}
