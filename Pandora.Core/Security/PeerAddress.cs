using System.Net;
using System.Net.Sockets;
using Pandora.Core.Transport;

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

    /// <summary>By what failures are counted.</summary>
    public string Counted => new Peer(_address).ToString();

    /// <summary>Who takes turns: a network as one is commonly given, 24 bits of IPv4 or 48 of IPv6.</summary>
    public string Neighbourhood
    {
        get
        {
            if (_address is null)
            {
                return Unknown;
            }
            var bits = _address.AddressFamily == AddressFamily.InterNetwork ? 24 : 48;
            var bytes = _address.GetAddressBytes();
            bytes.AsSpan(bits / 8).Clear(); // whole bytes, all of them
            return $"{new IPAddress(bytes)}/{bits}";
        }
    }

    public static PeerAddress Of(HttpContext context) => new(context.Connection.RemoteIpAddress);

    /// <summary>One text for one address, with no zone and no port.</summary>
    public override string ToString() => _address?.ToString() ?? Unknown;
}
