using System.Buffers;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;

namespace Pandora.Core.Keys;

/// <summary>
/// The text of an API key: <c>pdk_</c>, 43 random characters (256 bits of entropy), 6 characters of checksum. Keys that were
/// imported may have any other shape.
/// </summary>
internal static class ApiKeyText
{
    private const string Prefix = "pdk_";
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const int RandomLength = 43;
    private const int ChecksumLength = 6;
    private const int ChecksumOffset = 47;
    private const int Length = ChecksumOffset + ChecksumLength;

    private const int MaskedFrom = 16;
    private const int ShownAtEachEnd = 4;
    private const string MaskMiddle = "...";

    private static readonly SearchValues<char> Digits = SearchValues.Create(Alphabet);

    /// <summary>A new key. It is a secret: only its hash, its ciphertext and its mask may be kept.</summary>
    public static string Make()
    {
        var text = Prefix + RandomNumberGenerator.GetString(Alphabet, RandomLength);
        Span<char> checksum = stackalloc char[ChecksumLength];
        WriteChecksum(text, checksum);
        return string.Concat(text, checksum);
    }

    /// <summary>False when the text claims to be a key of ours but cannot be one, so that no look-up is needed.</summary>
    public static bool MayExist(string text) =>
        !text.StartsWith(Prefix, StringComparison.Ordinal) || IsWellFormed(text);

    /// <summary>What may be shown of a key: 4 characters of each end, or nothing of a text under 16 characters.</summary>
    public static string Mask(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return text.Length < MaskedFrom
                ? MaskMiddle
                : string.Concat(text.AsSpan(0, ShownAtEachEnd), MaskMiddle, text.AsSpan(text.Length - ShownAtEachEnd));
        }
        // Characters are code points: a surrogate pair must neither count twice nor be torn apart.
        var runes = text.EnumerateRunes().ToArray();
        return runes.Length < MaskedFrom
            ? MaskMiddle
            : string.Concat(string.Concat(runes[..ShownAtEachEnd]), MaskMiddle, string.Concat(runes[^ShownAtEachEnd..]));
    }

    private static bool IsWellFormed(string text)
    {
        if (text.Length != Length || text.AsSpan(Prefix.Length).ContainsAnyExcept(Digits))
        {
            return false;
        }
        Span<char> checksum = stackalloc char[ChecksumLength];
        WriteChecksum(text.AsSpan(0, ChecksumOffset), checksum);
        return text.AsSpan(ChecksumOffset).SequenceEqual(checksum);
    }

    /// <summary>CRC-32 in base62, most significant digit first. It detects typing errors, not forgeries.</summary>
    private static void WriteChecksum(ReadOnlySpan<char> text, Span<char> checksum)
    {
        Span<byte> ascii = stackalloc byte[ChecksumOffset];
        Encoding.ASCII.GetBytes(text, ascii);
        var rest = Crc32.HashToUInt32(ascii);
        for (var i = ChecksumLength - 1; i >= 0; i--)
        {
            checksum[i] = Alphabet[(int)(rest % (uint)Alphabet.Length)];
            rest /= (uint)Alphabet.Length;
        }
    }
}
