using System.Net;
using System.Runtime.InteropServices;
using Pandora.Core.Gate;
using Pandora.Core.Settings;

namespace Pandora.Core.Rpc;

/// <summary>
/// The memory for calls that are being read or answered: for all of them, and at most half of it for one peer. Whoever finds
/// it used up is refused at once, so that no number of large or slow messages can take more. Messages of the usual size that
/// are there at once cost nothing here.
/// </summary>
internal sealed class MessageBudget
{
    /// <summary>Messages up to this size, in bytes, that are there at once need no lease.</summary>
    public const int FreeBytes = 2_048;

    // A message of four mebibytes takes several times that while it is read.
    private const int PartsOfMemory = 16;
    private const long LeastBytes = 4L * RpcPipeline.MaxMessageBytes;
    private const long MostBytes = 256L * 1_048_576;

    private static readonly long Bytes = NodeMemory.Share(PartsOfMemory, LeastBytes, MostBytes);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _ofPeers = [];
    private long _taken;

    /// <summary>Null: it is used up, or this peer has its share.</summary>
    /// <param name="bytes">0 or more.</param>
    public Lease? TryTake(IPAddress? peer, long bytes)
    {
        var name = PeerName.Of(peer);
        lock (_lock)
        {
            ref var ofPeer = ref CollectionsMarshal.GetValueRefOrAddDefault(_ofPeers, name, out _);
            if (_taken + bytes > Bytes || ofPeer + bytes > Bytes / 2)
            {
                if (ofPeer == 0)
                {
                    _ofPeers.Remove(name);
                }
                return null;
            }
            ofPeer += bytes;
            _taken += bytes;
        }
        return new Lease(this, name, bytes);
    }

    private void Return(string name, long bytes)
    {
        lock (_lock)
        {
            _taken -= bytes;
            if ((_ofPeers[name] -= bytes) == 0)
            {
                _ofPeers.Remove(name);
            }
        }
    }

    /// <summary>What one call has taken of the budget, until it is disposed of.</summary>
    public sealed class Lease(MessageBudget? budget, string peer, long bytes) : IDisposable
    {
        /// <summary>Of a message that needs none.</summary>
        public static readonly Lease None = new(null, "", 0);

        private long _bytes = bytes;

        /// <summary>Gives back what turned out not to be needed.</summary>
        public void ShrinkTo(long needed)
        {
            if (needed < _bytes)
            {
                budget?.Return(peer, _bytes - needed);
                _bytes = needed;
            }
        }

        public void Dispose() => budget?.Return(peer, _bytes);
    }
}
