using System.Runtime.InteropServices;
using Pandora.Core.Settings;
using Pandora.Core.Transport;

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
    private readonly Dictionary<Peer, long> _ofPeers = [];
    private long _taken;

    /// <summary>Null: it is used up, or this peer has its share.</summary>
    /// <param name="bytes">0 or more.</param>
    public Lease? TryTake(Peer peer, long bytes)
    {
        lock (_lock)
        {
            ref var ofPeer = ref CollectionsMarshal.GetValueRefOrAddDefault(_ofPeers, peer, out _);
            if (_taken + bytes > Bytes || ofPeer + bytes > Bytes / 2)
            {
                if (ofPeer == 0)
                {
                    _ofPeers.Remove(peer);
                }
                return null;
            }
            ofPeer += bytes;
            _taken += bytes;
        }
        return new Lease(this, peer, bytes);
    }

    private void Return(Peer peer, long bytes)
    {
        lock (_lock)
        {
            _taken -= bytes;
            if ((_ofPeers[peer] -= bytes) == 0)
            {
                _ofPeers.Remove(peer);
            }
        }
    }

    /// <summary>What one call has taken of the budget, until it is disposed of.</summary>
    public sealed class Lease(MessageBudget? budget, Peer peer, long bytes) : IDisposable
    {
        /// <summary>Of a message that needs none.</summary>
        public static readonly Lease None = new(null, default, 0);

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
