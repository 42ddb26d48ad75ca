namespace Pandora.Core.Transport;

/// <summary>
/// Who is at the other end of some connections: an address of IPv4, or a network of 64 bits of IPv6. A feature of each of its
/// connections, so that whatever counts by peer finds it there.
/// </summary>
internal sealed class Peer
{
    /// <summary>How many it has.</summary>
    public int Connections { get; set; }

    public CallCount Calls { get; } = new();
}
