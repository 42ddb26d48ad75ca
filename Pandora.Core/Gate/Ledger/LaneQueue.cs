using System.Runtime.InteropServices;
using System.Threading.Channels;
using Pandora.Core.Settings;
using Pandora.Core.Transport;

namespace Pandora.Core.Gate.Ledger;

/// <summary>
/// The checks that wait in one lane. Each key has a line of its own and the lines take turns, so that a key with thousands
/// of waiting checks does not keep another one waiting for more than a batch. Keys that the node does not know yet, or
/// nobody, wait apart, with room for some of each peer, and have a share of each batch, so that a flood of them costs the others no
/// more than that.
/// Safe for many writers and one reader.
/// </summary>
internal sealed class LaneQueue
{
    private const int Capacity = 16_384;

    // Of all the room, so that one key alone cannot have the others refused.
    private const int LineCapacity = Capacity / 2;

    // So few that the last of them has its turn soon.
    private const int UnknownCapacity = Capacity / 8;
    private const int UnknownShare = 4;

    // Of their room, so that one peer with keys made up cannot have new keys of others refused.
    private const int UnknownOfPeer = UnknownCapacity / 2;

    // Checks with long texts have less room than their number would take, and one peer half of it.
    private const int LongFrom = 4_096;
    private const int PartsOfMemory = 32;

    // Of a batch, which is in memory several times while it is written.
    private const int MostBytesTaken = 4 * 1_048_576;

    private static readonly long LongCapacity = NodeMemory.Share(PartsOfMemory, 8 * 1_048_576, 64 * 1_048_576);

    private readonly Lock _lock = new();
    private readonly Lines _known = new(mostOfPeer: null);
    private readonly Lines _unknown = new(UnknownOfPeer);
    private readonly Dictionary<Peer, long> _longOfPeers = [];
    private readonly Channel<bool> _signal =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private int _count;
    private long _long;
    private bool _isClosed;

    /// <summary>How many checks wait.</summary>
    public int Count => Volatile.Read(ref _count);

    public bool IsClosed => Volatile.Read(ref _isClosed);

    /// <summary>Puts a check into the line of its key. It fails if there is no room for it, or the queue is closed.</summary>
    public void Add(PendingCheck check)
    {
        if (!(check.Facts?.Key is { } key ? TryAdd(check, isKnown: true, key.Id) : TryAdd(check, isKnown: false, check.LookUp.GetHashCode())))
        {
            check.Fail(IsClosed
                ? new GateUnavailableException("The node is stopping.", GateUnavailableException.Stopping)
                : new GateUnavailableException("Too many checks are waiting for the database.", GateUnavailableException.QueueFull));
        }
    }

    /// <summary>False: the line is full, or the queue is closed.</summary>
    /// <param name="isKnown">Whether the node knows the key.</param>
    /// <param name="line">Of which key it is; checks of one line are served in their order.</param>
    public bool TryAdd(PendingCheck check, bool isKnown, int line)
    {
        lock (_lock)
        {
            if (_isClosed
                || _count >= Capacity
                || (!isKnown && _unknown.Count >= UnknownCapacity)
                || !HasRoom(check)
                || !(isKnown ? _known : _unknown).TryAdd(check, line, LineCapacity))
            {
                return false;
            }
            NoteLong(check, check.Bytes);
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

    /// <summary>
    /// Moves at most <paramref name="most"/> checks into <paramref name="batch"/>, one of each line in turn; fewer if their
    /// texts are long.
    /// </summary>
    public void Take(List<PendingCheck> batch, int most)
    {
        lock (_lock)
        {
            var before = batch.Count;
            var bytes = 0L;
            _known.Take(batch, before + most - Math.Min(_unknown.Count, most / UnknownShare), ref bytes);
            _unknown.Take(batch, before + most, ref bytes);
            _known.Take(batch, before + most, ref bytes);
            Leave(batch, before);
        }
    }

    /// <summary>Takes out those that wait since <paramref name="start"/> or longer.</summary>
    /// <param name="start">A time stamp of <see cref="System.Diagnostics.Stopwatch"/>.</param>
    public List<PendingCheck> TakeOld(long start)
    {
        var old = new List<PendingCheck>();
        lock (_lock)
        {
            _known.TakeOld(old, start);
            _unknown.TakeOld(old, start);
            Leave(old, 0);
        }
        return old;
    }

    private bool HasRoom(PendingCheck check) =>
        check.Bytes < LongFrom
        || (_long + check.Bytes <= LongCapacity
            && _longOfPeers.GetValueOrDefault(check.Peer) + check.Bytes <= LongCapacity / 2);

    private void Leave(List<PendingCheck> checks, int from)
    {
        _count -= checks.Count - from;
        for (var i = from; _long > 0 && i < checks.Count; i++)
        {
            NoteLong(checks[i], -checks[i].Bytes);
        }
    }

    private void NoteLong(PendingCheck check, long bytes)
    {
        if (check.Bytes < LongFrom)
        {
            return;
        }
        _long += bytes;
        ref var ofPeer = ref CollectionsMarshal.GetValueRefOrAddDefault(_longOfPeers, check.Peer, out _);
        if ((ofPeer += bytes) == 0)
        {
            _longOfPeers.Remove(check.Peer);
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

    /// <summary>Lines that take turns.</summary>
    /// <param name="mostOfPeer">How many checks of one peer may wait. Null: as many as there is room for.</param>
    private sealed class Lines(int? mostOfPeer)
    {
        private const int MostSpare = 256;

        private readonly Dictionary<int, Queue<PendingCheck>> _lines = [];
        private readonly Queue<(int Name, Queue<PendingCheck> Line)> _turns = [];

        private readonly Dictionary<Peer, int> _ofPeers = [];

        // Empty lines to be used again: most keys have one check in a batch.
        private readonly Stack<Queue<PendingCheck>> _spare = [];

        public int Count { get; private set; }

        public bool TryAdd(PendingCheck check, int name, int capacity)
        {
            if (mostOfPeer is { } most && _ofPeers.GetValueOrDefault(check.Peer) >= most)
            {
                return false;
            }
            if (!_lines.TryGetValue(name, out var line))
            {
                _lines.Add(name, line = _spare.TryPop(out var spare) ? spare : new());
                _turns.Enqueue((name, line));
            }
            if (line.Count >= capacity)
            {
                return false;
            }
            line.Enqueue(check);
            Note(check, 1);
            return true;
        }

        /// <summary>Until the batch has so many, or is too large, or no line is left.</summary>
        public void Take(List<PendingCheck> batch, int until, ref long bytes)
        {
            while (batch.Count < until && bytes < MostBytesTaken && _turns.TryDequeue(out var turn))
            {
                var check = turn.Line.Dequeue();
                batch.Add(check);
                bytes += check.Bytes;
                Note(check, -1);
                GoOn(turn);
            }
        }

        public void TakeOld(List<PendingCheck> old, long start)
        {
            for (var turns = _turns.Count; turns > 0; turns--)
            {
                var turn = _turns.Dequeue();
                while (turn.Line.TryPeek(out var first) && first.Since <= start)
                {
                    old.Add(turn.Line.Dequeue());
                    Note(first, -1);
                }
                GoOn(turn);
            }
        }

        private void Note(PendingCheck check, int more)
        {
            Count += more;
            if (mostOfPeer is not null)
            {
                ref var ofPeer = ref CollectionsMarshal.GetValueRefOrAddDefault(_ofPeers, check.Peer, out _);
                if ((ofPeer += more) == 0)
                {
                    _ofPeers.Remove(check.Peer);
                }
            }
        }

        private void GoOn((int Name, Queue<PendingCheck> Line) turn)
        {
            if (turn.Line.Count > 0)
            {
                _turns.Enqueue(turn);
                return;
            }
            _lines.Remove(turn.Name);
            if (_spare.Count < MostSpare)
            {
                _spare.Push(turn.Line);
            }
        }
    }
}
