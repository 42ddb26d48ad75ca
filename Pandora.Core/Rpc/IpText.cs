using System.Buffers;
using System.Net;

namespace Pandora.Core.Rpc;

/// <summary>Tells IP address literals from everything else that parsers let through for one.</summary>
internal static class IpText
{
    private static readonly SearchValues<char> IPv6Characters = SearchValues.Create("0123456789abcdefABCDEF:.");

    public static bool IsAddress(ReadOnlySpan<char> text)
    {
        if (!text.Contains(':'))
        {
            return IsIPv4(text);
        }
        // The library's parser also takes zones, brackets and prefix lengths; none of them gets past the first look.
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
