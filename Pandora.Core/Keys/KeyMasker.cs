using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Pandora.Core.Keys;

/// <summary>
/// Masks keys in the texts of one call: the key that was presented and what is inside it, and whatever has the shape of a
/// key or token of ours; plain, in Base64, or behind escapes of any depth. Looks at no more than a few times what is wanted
/// of a text, and costs nothing in memory when it finds nothing.
/// </summary>
internal readonly struct KeyMasker
{
    /// <summary>Shorter texts are no keys. They would be found everywhere, and tell nothing.</summary>
    private const int ShortestKey = 8;

    /// <summary>A key is known by so many of its characters; what equals it further on is masked as well.</summary>
    private const int Telling = 64;

    /// <summary>A text that is mostly keys shrinks, so that more of it is wanted than will be kept.</summary>
    private const int Wanted = 8;

    /// <summary>Characters beyond what is wanted: what begins before is masked whole. No key of ours is longer, however it is escaped.</summary>
    private const int LookAhead = 4_096;

    /// <summary>Digits of Base64 that our name as the issuer takes, and more than the claims of any token of ours.</summary>
    private const int ShortestPayload = 28;

    private const int LongestPayload = 4_096;

    /// <summary>Digits of Base64 that HMAC-SHA-256 takes.</summary>
    private const int SignatureLength = 43;

    private const string TokenMark = ".eyJ";

    private static readonly (string Text, int Alignment)[] Base64Marks =
        [.. from prefix in ApiKeyText.Prefixes from alignment in Enumerable.Range(0, 3) select (Base64Mark(prefix, alignment), alignment)];

    private static readonly SearchValues<string> Marks = SearchValues.Create(
        [.. ApiKeyText.Prefixes, TokenMark, .. Base64Marks.Select(mark => mark.Text)], StringComparison.Ordinal);

    private static readonly SearchValues<char> Base64UrlDigits =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private readonly string? _presented;
    private readonly string[] _inside = [];

    /// <summary>Of what is looked for. No text is shorter than what it holds, in whatever form.</summary>
    private readonly int _shortest = ApiKeyText.Length;

    /// <summary>Knows no presented key: masks by shape alone.</summary>
    public KeyMasker()
    {
    }

    /// <param name="presented">As the caller's caller sent it, perhaps with other things around the key.</param>
    public KeyMasker(string presented)
    {
        _inside = PresentedKey.Inside(presented, ShortestKey);
        if (presented.Length >= ShortestKey)
        {
            _presented = presented;
            _shortest = Math.Min(_shortest, presented.Length);
        }
        foreach (var key in _inside)
        {
            _shortest = Math.Min(_shortest, key.Length);
        }
    }

    /// <summary>Whether something in a text has the shape of a key or token of ours.</summary>
    public static bool FindsIn(string text) => text.Length >= ApiKeyText.Length && new KeyMasker().Find(text) is not null;

    /// <summary>Whether <see cref="Mask"/> looks at a text to its end.</summary>
    public static bool SeesAllOf(string text, int enough) => text.Length <= enough * Wanted;

    /// <returns>The text itself or its beginning if there is nothing to mask; at least <paramref name="enough"/> characters, if it has so many.</returns>
    public ReadOnlySpan<char> Mask(ReadOnlySpan<char> text, int enough)
    {
        var wanted = Math.Min(text.Length, enough * Wanted);
        if (wanted < text.Length && char.IsHighSurrogate(text[wanted - 1]))
        {
            wanted--;
        }
        var seen = text[..Math.Min(text.Length, wanted + LookAhead)];
        return seen.Length >= _shortest && Find(seen) is { } found ? Replace(seen, found, wanted, enough) : text[..wanted];
    }

    private static string Replace(ReadOnlySpan<char> text, List<Found> found, int wanted, int enough)
    {
        // Of two that begin at the same place the longer one.
        found.Sort((one, other) => (one.Start, -one.End).CompareTo((other.Start, -other.End)));
        var result = new StringBuilder();
        var copied = 0;
        foreach (var key in found)
        {
            if (key.Start >= wanted || result.Length > enough)
            {
                break;
            }
            if (key.Start >= copied)
            {
                Append(text[copied..key.Start]);
                result.Append(key.Mask);
            }
            copied = Math.Max(copied, key.End);
        }
        if (copied < wanted)
        {
            Append(text[copied..wanted]);
        }
        return WithoutHalves(result).ToString();

        // One character more than is kept shows that something was cut.
        void Append(ReadOnlySpan<char> part) => result.Append(part[..Math.Clamp(enough + 1 - result.Length, 0, part.Length)]);
    }

    /// <summary>
    /// Where a key ended within a character of two halves, or the text was cut there, the half that is left is replaced: no
    /// database could store it.
    /// </summary>
    private static StringBuilder WithoutHalves(StringBuilder text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
            {
                continue;
            }
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
            {
                i++;
            }
            else
            {
                text[i] = '\uFFFD';
            }
        }
        return text;
    }

    private List<Found>? Find(ReadOnlySpan<char> text)
    {
        List<Found>? found = null;
        FindIn(text, null, ref found);
        if (DecodedText.Of(text) is { } decoded)
        {
            using (decoded)
            {
                FindIn(decoded.Text, decoded, ref found);
            }
        }
        return found;
    }

    private void FindIn(ReadOnlySpan<char> text, DecodedText? decoded, ref List<Found>? found)
    {
        if (_presented is not null)
        {
            FindPresented(text, _presented, decoded, ref found);
        }
        foreach (var key in _inside)
        {
            FindPresented(text, key, decoded, ref found);
        }
        var behind = 0; // the last one that was found
        for (var at = 0; text[at..].IndexOfAny(Marks) is >= 0 and var next;)
        {
            at += next;
            var (start, end) = text[at] == '.' ? TokenAt(text, behind, at) : KeyAt(text, at);
            if (end > start)
            {
                Add(ref found, decoded, start, end, ApiKeyText.Mask(text[start..end]));
            }
            else if (KeyInBase64At(text, at) is { Mask: { } mask } key)
            {
                (_, end, _) = key;
                Add(ref found, decoded, key.Start, end, mask);
            }
            behind = Math.Max(behind, end > start ? end : 0);
            at = Math.Max(at + 1, end);
        }
    }

    private static void Add(ref List<Found>? found, DecodedText? decoded, int start, int end, string mask) =>
        (found ??= []).Add(decoded is null ? new(start, end, mask) : new(decoded.PlaceInSource(start), decoded.PlaceInSource(end), mask));

    private static void FindPresented(ReadOnlySpan<char> text, string key, DecodedText? decoded, ref List<Found>? found)
    {
        var telling = key.AsSpan(0, Math.Min(key.Length, Telling));
        for (var at = 0; text[at..].IndexOf(telling) is >= 0 and var next;)
        {
            at += next;
            var end = at + text[at..].CommonPrefixLength(key.AsSpan());
            Add(ref found, decoded, at, end, ApiKeyText.Mask(key));
            at = end;
        }
        if (!ApiKeyText.IsWellFormed(key)) // else it is found by its shape
        {
            FindInBase64(text, telling, key, decoded, ref found);
        }
    }

    /// <summary>At each of the three places that a byte can have in the groups of Base64.</summary>
    private static void FindInBase64(
        ReadOnlySpan<char> text, ReadOnlySpan<char> telling, string key, DecodedText? decoded, ref List<Found>? found)
    {
        const int LongestOfAll = 2 + (Telling * 3);
        Span<byte> bytes = stackalloc byte[LongestOfAll];
        Span<char> digits = stackalloc char[(LongestOfAll + 2) / 3 * 4];
        bytes[..2].Clear();
        var count = Encoding.UTF8.GetBytes(telling, bytes[2..]);
        for (var alignment = 0; alignment < 3; alignment++)
        {
            Convert.TryToBase64Chars(bytes.Slice(2 - alignment, alignment + count), digits, out _);
            var own = digits[DigitsBefore(alignment)..((alignment + count) * 8 / 6)];
            FindDigits(text, own, isShared: alignment > 0, key, decoded, ref found);
            if (own.ContainsAny('+', '/'))
            {
                own.Replace('+', '-');
                own.Replace('/', '_');
                FindDigits(text, own, isShared: alignment > 0, key, decoded, ref found);
            }
        }
    }

    /// <param name="isShared">Whether the digit before them holds bits of the key as well.</param>
    private static void FindDigits(
        ReadOnlySpan<char> text, ReadOnlySpan<char> digits, bool isShared, string key, DecodedText? decoded, ref List<Found>? found)
    {
        for (var at = 0; text[at..].IndexOf(digits) is >= 0 and var next;)
        {
            at += next;
            var start = isShared && at > 0 ? at - 1 : at;
            var end = at + digits.Length; // what follows is the rest of the key, or of what it was sent with
            while (end < text.Length && IsBase64Digit(text[end]))
            {
                end++;
            }
            Add(ref found, decoded, start, end, ApiKeyText.Mask(key));
            at = end;
        }
    }

    private static (int Start, int End) KeyAt(ReadOnlySpan<char> text, int at) =>
        text[at + 3] == '_' && ApiKeyText.IsAtStartOf(text[at..]) ? (at, at + ApiKeyText.Length) : (at, at);

    /// <summary>A signed token (JWT) of three parts whose second one names us as its issuer. Our header begins like every other.</summary>
    /// <param name="from">It does not begin before.</param>
    /// <param name="at">The place of the dot before the second part.</param>
    private static (int Start, int End) TokenAt(ReadOnlySpan<char> text, int from, int at)
    {
        var payload = text[(at + 1)..];
        var length = payload.IndexOfAnyExcept(Base64UrlDigits);
        if (length is < ShortestPayload or > LongestPayload || payload[length] != '.' || !IsIssuedHere(payload[..length]))
        {
            return (at, at);
        }
        var start = from + text[from..at].LastIndexOfAnyExcept(Base64UrlDigits) + 1;
        start += Math.Max(0, text[start..at].LastIndexOf(TokenMark.AsSpan(1))); // what stands before the first part
        var signature = payload[(length + 1)..];
        signature = signature[..Math.Min(signature.Length, SignatureLength)];
        var end = signature.IndexOfAnyExcept(Base64UrlDigits);
        return (start, at + 1 + length + 1 + (end < 0 ? signature.Length : end));
    }

    private static bool IsIssuedHere(ReadOnlySpan<char> payload)
    {
        Span<byte> claims = stackalloc byte[LongestPayload];
        Base64Url.DecodeFromChars(payload, claims, out _, out var length); // what follows a fault may be missing
        return claims[..length].IndexOf("\"iss\""u8) >= 0
            && claims[..length].IndexOf("\"pandora-core\""u8) >= 0;
    }

    /// <param name="at">Of one of <see cref="Base64Marks"/>.</param>
    private static Found KeyInBase64At(ReadOnlySpan<char> text, int at)
    {
        const int Groups = (ApiKeyText.Length + 2) / 3 + 1;
        Span<byte> bytes = stackalloc byte[Groups * 3];
        Span<char> digits = stackalloc char[Groups * 4];
        Span<char> key = stackalloc char[Groups * 3];
        foreach (var (mark, alignment) in Base64Marks)
        {
            var start = at - DigitsBefore(alignment);
            var needed = ((alignment + ApiKeyText.Length) * 8 + 5) / 6;
            if (start < 0 || text.Length < start + needed || !text[at..].StartsWith(mark, StringComparison.Ordinal))
            {
                continue;
            }
            digits.Fill('A');
            text.Slice(start, needed).CopyTo(digits);
            digits.Replace('-', '+');
            digits.Replace('_', '/');
            if (Convert.TryFromBase64Chars(digits, bytes, out var count))
            {
                var length = Encoding.Latin1.GetChars(bytes[alignment..count], key);
                if (ApiKeyText.IsAtStartOf(key[..length]))
                {
                    return new(start, start + needed, ApiKeyText.Mask(key[..ApiKeyText.Length]));
                }
            }
        }
        return default;
    }

    /// <summary>The digits that a text has in Base64 whatever stands around it.</summary>
    /// <param name="alignment">How many bytes of its first group are another's: 0 to 2.</param>
    private static string Base64Mark(string text, int alignment)
    {
        var digits = Convert.ToBase64String(Encoding.Latin1.GetBytes(new string('\0', alignment) + text));
        return digits[DigitsBefore(alignment)..((alignment + text.Length) * 8 / 6)];
    }

    /// <summary>The digits of a group that bytes before it have a part in.</summary>
    private static int DigitsBefore(int alignment) => (alignment * 8 + 5) / 6;

    private static bool IsBase64Digit(char character) => char.IsAsciiLetterOrDigit(character) || character is '+' or '/' or '-' or '_' or '=';

    /// <summary>A key in a text, and what takes its place.</summary>
    private readonly record struct Found(int Start, int End, string Mask);
}
