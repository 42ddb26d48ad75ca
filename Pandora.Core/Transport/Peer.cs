using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Pandora.Core.Transport;

/// <summary>
/// Who counts as one caller: an address of IPv4, or the 64 bits of IPv6 that tell one connected network from another, within
/// which its holder moves freely. An address of IPv4 that came as one of IPv6 is one of IPv4. To compare costs no memory.
/// </summary>
internal readonly record struct Peer
{
    private const int BytesOfIPv4 = 4;
    private const int BytesOfIPv6 = 16;
    private const string Unknown = "unknown";

    // The whole address of IPv4, the first half of one of IPv6.
    private readonly ulong _network;
    private readonly AddressFamily _family;

    /// <param name="address">Null: there is none to tell, and all of whom that is so count as one.</param>
    public Peer(IPAddress? address)
    {
        if (address is null)
        {
            return;
        }
        Span<byte> bytes = stackalloc byte[BytesOfIPv6];
        address.TryWriteBytes(bytes, out var length);
        if (length == BytesOfIPv4 || address.IsIPv4MappedToIPv6)
        {
            (_family, _network) = (AddressFamily.InterNetwork, BinaryPrimitives.ReadUInt32BigEndian(bytes[(length - BytesOfIPv4)..]));
        }
        else
        {
            (_family, _network) = (AddressFamily.InterNetworkV6, BinaryPrimitives.ReadUInt64BigEndian(bytes));
        }
    }

    /// <summary>One text for one peer: <c>192.0.2.7</c>, <c>2001:db8:1:2::/64</c>.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[BytesOfIPv6];
        bytes.Clear();
        switch (_family)
        {
            case AddressFamily.InterNetwork:
                BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)_network);
                return new IPAddress(bytes[..BytesOfIPv4]).ToString();
            case AddressFamily.InterNetworkV6:
                BinaryPrimitives.WriteUInt64BigEndian(bytes, _network);
                return $"{new IPAddress(bytes)}/64";
            default:
                return Unknown;
        }
    }
}
