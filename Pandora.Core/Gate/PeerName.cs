using System.Net;
using System.Net.Sockets;

namespace Pandora.Core.Gate;

/// <summary>How a peer is named where its calls are counted: by its address, or by its network where it has many.</summary>
internal static class PeerName
{
    private const int NetworkBytes = 8;

    /// <returns>An IPv4 address, or the /64 of an IPv6 address. "" when there is none.</returns>
    public static string Of(IPAddress? peer)
    {
        if (peer is null)
        {
            return "";
        }
        if (peer.IsIPv4MappedToIPv6)
        {
            return peer.MapToIPv4().ToString();
        }
        if (peer.AddressFamily != AddressFamily.InterNetworkV6 || IPAddress.IsLoopback(peer))
        {
            return peer.ToString();
        }
        var bytes = peer.GetAddressBytes();
        bytes.AsSpan(NetworkBytes).Clear();
        return $"{new IPAddress(bytes)}/64";
    }
}
