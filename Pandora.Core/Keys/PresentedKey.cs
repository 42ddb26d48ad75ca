using System.Buffers;
using System.Text;

namespace Pandora.Core.Keys;

/// <summary>
/// Finds the key in what was presented as one: <c>Bearer KEY</c>, <c>"KEY"</c>, <c>key=KEY</c>, JSON, escapes, Base64.
/// </summary>
internal static class PresentedKey
{
    /// <summary>Characters. A key somewhere behind them is recognised by its shape alone.</summary>
    private const int LookedAt = 1_024;

    private const int MostParts = 4;

    private static readonly SearchValues<char> Around = SearchValues.Create(
        " \t\r\n\v\f\u0085\u00a0\u200b\u2028\u2029\u3000\ufeff\"'`\u2018\u2019\u201c\u201d=:,;&?()[]{}<>");

    /// <summary>What else may be the key, without the text as it is.</summary>
    /// <param name="shortest">Least length, in characters.</param>
    /// <returns>Empty when there is nothing around it, which costs nothing.</returns>
    public static string[] Inside(string presented, int shortest)
    {
        var text = presented.AsSpan(0, Math.Min(presented.Length, LookedAt));
        return ApiKeyText.IsWellFormed(text) ? [] : Inside(presented, text, shortest);
    }

    private static string[] Inside(string presented, ReadOnlySpan<char> text, int shortest)
    {
        using var decoded = DecodedText.Of(text);
        if (decoded is null && !text.ContainsAny(Around))
        {
            return [];
        }
        var keys = new HashSet<string>();
        AddParts(keys, text, shortest);
        if (decoded is not null)
        {
            keys.Add(decoded.Text.ToString());
            AddParts(keys, decoded.Text, shortest);
        }
        if (text.Contains(' '))
        {
            keys.Add(text.ToString().Replace(' ', '+')); // as forms write it
        }
        keys.Remove(presented);
        foreach (var key in keys)
        {
            if (key.Length < shortest)
            {
                keys.Remove(key);
            }
        }
        return [.. keys];
    }

    /// <summary>Those with a digit; and the last and the longest, because a key need not have one.</summary>
    private static void AddParts(HashSet<string> keys, ReadOnlySpan<char> text, int shortest)
    {
        var last = ReadOnlySpan<char>.Empty;
        var longest = ReadOnlySpan<char>.Empty;
        var parts = 0;
        foreach (var range in text.SplitAny(Around))
        {
            var part = text[range];
            if (part.Length < shortest)
            {
                continue;
            }
            last = part;
            longest = part.Length > longest.Length ? part : longest;
            if (parts < MostParts && part.ContainsAnyInRange('0', '9'))
            {
                keys.Add(part.ToString());
                parts++;
            }
        }
        keys.Add(last.ToString());
        keys.Add(longest.ToString());
        if (FromBase64(longest) is { } decoded)
        {
            AddParts(keys, decoded, shortest);
        }
    }

    /// <summary>Its padding may be missing.</summary>
    /// <returns>Null: no Base64 of a text in ASCII.</returns>
    private static string? FromBase64(ReadOnlySpan<char> digits)
    {
        Span<char> padded = stackalloc char[LookedAt + 3];
        Span<byte> bytes = stackalloc byte[LookedAt];
        padded.Fill('=');
        digits.CopyTo(padded);
        return Convert.TryFromBase64Chars(padded[..((digits.Length + 3) / 4 * 4)], bytes, out var length)
            && length > 0
            && !bytes[..length].ContainsAnyExceptInRange((byte)' ', (byte)'~')
                ? Encoding.ASCII.GetString(bytes[..length])
                : null;
    }
}
