using System.Net;

namespace Pandora.Core.Security;

/// <summary>Who is at the other end of a connection. Headers that claim to tell are not trusted.</summary>
internal static class PeerAddress
{
    /// <summary>One text for one address, whether it came by IPv4 or as IPv4 in IPv6; no zone, no port.</summary>
    public static string Of(HttpContext context) => Of(context.Connection.RemoteIpAddress);

    public static string Of(IPAddress? address) => address switch
    {
        null => "unknown",
        { IsIPv4MappedToIPv6: true } => address.MapToIPv4().ToString(),
        _ => new IPAddress(address.GetAddressBytes()).ToString(),
    };
}
