using System.Net;
using System.Net.Sockets;

namespace Pandora.Core.Security;

/// <summary>
/// The address of who makes a call: the other end of the connection, or, where that is a trusted proxy, whom the proxy
/// calls for. An address of IPv4 that came as one of IPv6 is one of IPv4.
/// </summary>
internal readonly record struct PeerAddress
{
    private const string Unknown = "unknown";

    private readonly IPAddress? _address;

    /// <param name="address">Null: there is none to tell.</param>
    public PeerAddress(IPAddress? address) => _address = address switch
    {
        null => null,
        { IsIPv4MappedToIPv6: true } => address.MapToIPv4(),
        _ => new IPAddress(address.GetAddressBytes()), // without the zone
    };

    /// <summary>By what failures are counted: an address of IPv4; the 64 bits of IPv6 that tell one connected network from another.</summary>
    public string Counted => NetworkOf(32, 64);

    /// <summary>Who takes turns: a network as one is commonly given, 24 bits of IPv4 or 48 of IPv6.</summary>
    public string Neighbourhood => NetworkOf(24, 48);

    public static PeerAddress Of(HttpContext context) => new(context.Connection.RemoteIpAddress);

    /// <summary>One text for one address, with no zone and no port.</summary>
    public override string ToString() => _address?.ToString() ?? Unknown;

    private string NetworkOf(int bitsOfIPv4, int bitsOfIPv6)
    {
        if (_address is null)
        {
            return Unknown;
        }
        var bits = _address.AddressFamily == AddressFamily.InterNetwork ? bitsOfIPv4 : bitsOfIPv6;
        var bytes = _address.GetAddressBytes();
        if (bits == bytes.Length * 8)
        {
            return _address.ToString();
        }
        bytes.AsSpan(bits / 8).Clear(); // whole bytes, all of them
        return $"{new IPAddress(bytes)}/{bits}";
    }
}
