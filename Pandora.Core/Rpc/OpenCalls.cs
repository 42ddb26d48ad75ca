using Microsoft.AspNetCore.Http.Features;
using Pandora.Core.Settings;
using Pandora.Core.Transport;

namespace Pandora.Core.Rpc;

/// <summary>
/// How many calls may be open: all together, and half of that for one peer, so that nobody can have the others refused.
/// Streams, which end when their callers want, may take half of either, so that they leave room for checks.
/// </summary>
/// <param name="limit">Of all calls.</param>
internal sealed class OpenCalls(int limit)
{
    // What a call costs while it is open, whatever its message.
    private const int BytesOfCall = 8_192;
    private const int PartsOfMemory = 16;
    private const int LeastCalls = 8_192;
    private const int MostCalls = 65_536;

    private readonly CallCount _all = new();
    private Func<object, Task>? _leaveLong;
    private Func<object, Task>? _leaveShort;

    public static OpenCalls OfNode() => new((int)NodeMemory.Share(PartsOfMemory * BytesOfCall, LeastCalls, MostCalls));

    /// <summary>Counts a call until its answer is complete. False: too many are open, and this one is not counted.</summary>
    /// <param name="isLong">Whether it ends only when the caller wants.</param>
    public bool TryEnter(HttpContext call, bool isLong)
    {
        var peer = call.Features.GetRequiredFeature<PeerLoad>();
        if (!peer.Calls.TryAdd(limit / 2, isLong))
        {
            return false;
        }
        if (!_all.TryAdd(limit, isLong))
        {
            peer.Calls.Remove(isLong);
            return false;
        }
        call.Response.OnCompleted(isLong ? _leaveLong ??= LeaveLong : _leaveShort ??= LeaveShort, peer);
        return true;
    }

    private Task LeaveLong(object peer) => Leave((PeerLoad)peer, isLong: true);

    private Task LeaveShort(object peer) => Leave((PeerLoad)peer, isLong: false);

    private Task Leave(PeerLoad peer, bool isLong)
    {
        peer.Calls.Remove(isLong);
        _all.Remove(isLong);
        return Task.CompletedTask;
    }
}
