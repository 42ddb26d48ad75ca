namespace Pandora.Core.Security;

/// <summary>
/// Hands out a few permits at a time. Only some may wait, and for a limited time. Those who wait take turns by the network
/// they come from; where there is no room, the one that has most waiting gives way. So whoever sends many costs others one
/// turn.
/// </summary>
/// <param name="permits">How many can be held at once.</param>
/// <param name="room">How many can wait.</param>
/// <param name="patience">How long one of them waits at most.</param>
internal sealed class TurnQueue(int permits, int room, TimeSpan patience)
{
    private readonly Lock _lock = new();

    /// <summary>In the order of their turns.</summary>
    private readonly List<Waiter> _waiting = new(room);

    private int _free = permits;

    /// <summary>Waits for a permit. Null: none came in time, or there was no room to wait.</summary>
    /// <param name="network">Whose turn it takes.</param>
    public async ValueTask<Permit?> AcquireAsync(string network, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var waiter = new Waiter(network);
        lock (_lock)
        {
            if (_free > 0)
            {
                _free--;
                return new Permit(this);
            }
            if (_waiting.Count == room && !TryMakeRoom(network))
            {
                return null;
            }
            _waiting.Add(waiter);
        }
        try
        {
            return await waiter.Turn.Task.WaitAsync(patience, ct) ? new Permit(this) : null;
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            GiveUp(waiter);
            ct.ThrowIfCancellationRequested();
            return null;
        }
    }

    /// <summary>Sends the last of those away who have most waiting, unless the newcomer's network would then have more.</summary>
    private bool TryMakeRoom(string network)
    {
        var most = _waiting.GroupBy(waiter => waiter.Network).MaxBy(group => group.Count())!;
        if (most.Count() < _waiting.Count(waiter => waiter.Network == network) + 2)
        {
            return false; // it would only change places
        }
        var last = most.Last();
        _waiting.Remove(last);
        last.Turn.SetResult(false);
        return true;
    }

    private void GiveUp(Waiter waiter)
    {
        lock (_lock)
        {
            // Its turn may have come in this very moment: then it is somebody else's.
            if (!_waiting.Remove(waiter) && waiter.HadItsTurn)
            {
                PassOn();
            }
        }
    }

    private void Release()
    {
        lock (_lock)
        {
            PassOn();
        }
    }

    private void PassOn()
    {
        if (_waiting.Count == 0)
        {
            _free++;
            return;
        }
        var next = _waiting[0];
        _waiting.RemoveAt(0);
        // The others of its network had their turn with it.
        List<Waiter> others = [.. _waiting.Where(waiter => waiter.Network == next.Network)];
        _waiting.RemoveAll(waiter => waiter.Network == next.Network);
        _waiting.AddRange(others);
        next.HadItsTurn = true;
        next.Turn.SetResult(true);
    }

    /// <summary>Held until disposed of; then it is the next one's.</summary>
    internal sealed class Permit(TurnQueue queue) : IDisposable
    {
        private int _held = 1;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _held, 0) == 1)
            {
                queue.Release();
            }
        }
    }

    /// <summary>Somebody who waits. Its turn: true when it has come, false when it has to go.</summary>
    private sealed class Waiter(string network)
    {
        public string Network => network;

        public bool HadItsTurn { get; set; }

        public TaskCompletionSource<bool> Turn { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
