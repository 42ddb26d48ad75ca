using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Pandora.ServiceDefaults;

namespace Pandora.Core.Settings;

/// <summary>The networks of the proxies whose forwarding headers are believed.</summary>
internal static class TrustedProxies
{
    private const string Name = "PANDORA_TRUSTED_PROXIES";
    private const int MappedBits = 96;

    /// <summary>No port, no brackets, no zone, no number in another base than its own.</summary>
    private static readonly SearchValues<char> InAddresses = SearchValues.Create("0123456789abcdefABCDEF.:");

    /// <returns>Networks of IPv4, or of IPv6 without mapped IPv4. Empty: no header is believed.</returns>
    public static IReadOnlyList<IPNetwork> Read(Variables variables)
    {
        if (variables.Text(Name) is not { } text)
        {
            return [];
        }
        List<IPNetwork> networks = [];
        foreach (var block in text.Split(',', StringSplitOptions.TrimEntries))
        {
            networks.Add(NetworkOf(block));
        }
        return networks;
    }

    private static IPNetwork NetworkOf(string block)
    {
        var slash = block.IndexOf('/', StringComparison.Ordinal);
        var address = AddressOf(slash < 0 ? block : block[..slash]) ?? throw Refuse(block);
        var longest = address.GetAddressBytes().Length * 8;
        var length = slash < 0 ? longest : LengthOf(block[(slash + 1)..], longest) ?? throw Refuse(block);
        var network = new IPNetwork(Cut(address, length), length);
        if (!network.BaseAddress.Equals(address))
        {
            // Whether the address or its whole network is meant makes a difference to who is believed.
            throw Variables.Refuse(
                Name, $"holds \"{OneLine.Of(block)}\", an address inside of its network; write {address} for the address or {network} for the network");
        }
        return address.IsIPv4MappedToIPv6 && length >= MappedBits
            ? new IPNetwork(address.MapToIPv4(), length - MappedBits)
            : network;
    }

    /// <summary>Null unless it is written in full.</summary>
    private static IPAddress? AddressOf(string text) =>
        text.AsSpan().IndexOfAnyExcept(InAddresses) < 0
        && IPAddress.TryParse(text, out var address)
        && (address.AddressFamily == AddressFamily.InterNetworkV6 || address.ToString() == text)
            ? address
            : null;

    private static int? LengthOf(string text, int longest) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var length) && length <= longest ? length : null;

    private static IPAddress Cut(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var bit = length; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }
        return new IPAddress(bytes);
    }

    private static StartRefusedException Refuse(string block) => Variables.Refuse(
        Name, $"holds \"{OneLine.Of(block)}\"; accepted is a comma-separated list of addresses and networks such as 10.0.0.0/8 or 2001:db8::/32");
}
