using System.Buffers;
using System.Globalization;
using System.Net;

namespace Pandora.Core.Rpc;

/// <summary>Finds the IP address in what callers know of a peer, and tells it from everything else that parsers let through for one.</summary>
internal static class IpText
{
    private static readonly SearchValues<char> IPv6Characters = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>
    /// The literal alone: of a list, as proxies send it, the first one, without blanks around it, port, brackets and zone.
    /// </summary>
    /// <returns>"" for nothing. Null: it is no address.</returns>
    public static string? AddressIn(string text)
    {
        var comma = text.AsSpan().IndexOf(',');
        var first = (comma < 0 ? text : text.AsSpan(0, comma)).Trim(" \t");
        if (!TryCutPort(first, out var address))
        {
            return null;
        }
        var zone = address.IndexOf('%');
        if (zone >= 0 && zone < address.Length - 1 && address.Contains(':'))
        {
            address = address[..zone];
        }
        return address.Length > 0 && !IsAddress(address) ? null
            : address.Length == text.Length ? text // most are nothing else
            : address.ToString();
    }

    /// <summary>False: what follows the address is no port, or a bracket is missing.</summary>
    private static bool TryCutPort(ReadOnlySpan<char> text, out ReadOnlySpan<char> address)
    {
        address = text;
        ReadOnlySpan<char> rest;
        if (text is ['[', ..])
        {
            var end = text.IndexOf(']');
            if (end < 0 || !text[..end].Contains(':'))
            {
                return false;
            }
            address = text[1..end];
            rest = text[(end + 1)..];
        }
        else
        {
            var colon = text.IndexOf(':');
            if (colon < 0 || text[(colon + 1)..].Contains(':'))
            {
                return true; // without one, or IPv6, where it takes brackets
            }
            if (colon == 0)
            {
                return false;
            }
            address = text[..colon];
            rest = text[colon..];
        }
        return rest.IsEmpty || (rest[0] == ':' && ushort.TryParse(rest[1..], NumberStyles.None, CultureInfo.InvariantCulture, out _));
    }

    private static bool IsAddress(ReadOnlySpan<char> text)
    {
        if (!text.Contains(':'))
        {
            return IsIPv4(text);
        }
        // The library's parser also takes prefix lengths; none of them gets past the first look.
        if (text.ContainsAnyExcept(IPv6Characters) || !IPAddress.IsValid(text))
        {
            return false;
        }
        return !text.Contains('.') || IsIPv4(text[(text.LastIndexOf(':') + 1)..]);
    }

    /// <summary>Four decimal parts without leading zeros.</summary>
    private static bool IsIPv4(ReadOnlySpan<char> text)
    {
        var parts = 0;
        foreach (var range in text.Split('.'))
        {
            var part = text[range];
            if (++parts > 4
                || part.Length is 0 or > 3
                || part.ContainsAnyExceptInRange('0', '9')
                || (part.Length > 1 && part[0] == '0')
                || (part.Length == 3 && part.SequenceCompareTo("255") > 0))
            {
                return false;
            }
        }
        return parts == 4;
    }
}
