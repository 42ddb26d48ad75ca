namespace Pandora.Core.Rest;

/// <summary>
/// How many bytes of bodies the node holds at once. Who is not known yet has a share of their own, so that nobody on the
/// network can stop the administrator. Small bodies, such as a login has, always pass.
/// </summary>
internal sealed class BodyMemory
{
    /// <summary>Of each body.</summary>
    private const int Free = 16_384;

    private readonly Share _ofStrangers = new(16_777_216);
    private readonly Share _ofCallers = new(67_108_864);

    /// <summary>For one body, until the lease is disposed.</summary>
    public Lease Open(bool isKnown) => new(isKnown ? _ofCallers : _ofStrangers);

    /// <summary>The bytes that one body holds.</summary>
    internal sealed class Lease(Share share) : IDisposable
    {
        private long _held;

        /// <summary>Whether the body may grow to that many bytes.</summary>
        public bool Covers(long bytes)
        {
            var more = bytes - Free - _held;
            if (more <= 0)
            {
                return true;
            }
            if (!share.TryTake(more))
            {
                return false;
            }
            _held += more;
            return true;
        }

        public void Dispose()
        {
            share.GiveBack(_held);
            _held = 0;
        }
    }

    /// <summary>Bytes that several bodies share.</summary>
    internal sealed class Share(long bytes)
    {
        private long _left = bytes;

        public bool TryTake(long bytes)
        {
            if (Interlocked.Add(ref _left, -bytes) >= 0)
            {
                return true;
            }
            GiveBack(bytes);
            return false;
        }

        public void GiveBack(long bytes) => Interlocked.Add(ref _left, bytes);
    }
}
