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
    /// <summary>Characters of a key of ours, and of every other secret in its shape.</summary>
    public const int Length = ChecksumOffset + ChecksumLength;

    private const string Prefix = "pdk_";
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const int RandomLength = 43;
    private const int ChecksumLength = 6;
    private const int ChecksumOffset = 47;

    private const int MaskedFrom = 16;
    private const int ShownAtEachEnd = 4;
    private const string MaskMiddle = "...";

    private static readonly SearchValues<char> Digits = SearchValues.Create(Alphabet);

    /// <summary>How the secrets in this shape begin: API keys, automation tokens, service tokens.</summary>
    public static IReadOnlyList<string> Prefixes { get; } = [Prefix, "pat_", "pst_"];

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

    /// <summary>
    /// Whether a text begins with something in the shape of a key, whatever follows it. Which of <see cref="Prefixes"/> it
    /// begins with is not looked at.
    /// </summary>
    public static bool IsAtStartOf(ReadOnlySpan<char> text)
    {
        if (text.Length < Length || text[Prefix.Length..Length].ContainsAnyExcept(Digits))
        {
            return false;
        }
        Span<char> checksum = stackalloc char[ChecksumLength];
        WriteChecksum(text[..ChecksumOffset], checksum);
        return text[ChecksumOffset..Length].SequenceEqual(checksum);
    }

    /// <summary>A key of ours and nothing else.</summary>
    public static bool IsWellFormed(ReadOnlySpan<char> text) =>
        text.Length == Length && text.StartsWith(Prefix, StringComparison.Ordinal) && IsAtStartOf(text);

    /// <summary>What may be shown of a key: 4 characters of each end, or nothing of a text under 16 characters.</summary>
    public static string Mask(ReadOnlySpan<char> text)
    {
        // Characters are code points: a surrogate pair must neither count twice nor be torn apart.
        if (LengthOf(text, MaskedFrom) < 0)
        {
            return MaskMiddle;
        }
        var end = text.Length;
        for (var shown = 0; shown < ShownAtEachEnd; shown++)
        {
            end -= IsPairAt(text, end - 2) ? 2 : 1;
        }
        return string.Concat(text[..LengthOf(text, ShownAtEachEnd)], MaskMiddle, text[end..]);
    }

    /// <returns>How long the first code points of a text are. Negative: it has fewer.</returns>
    private static int LengthOf(ReadOnlySpan<char> text, int codePoints)
    {
        var length = 0;
        for (; codePoints > 0; codePoints--)
        {
            if (length == text.Length)
            {
                return -1;
            }
            length += IsPairAt(text, length) ? 2 : 1;
        }
        return length;
    }

    private static bool IsPairAt(ReadOnlySpan<char> text, int place) =>
        place >= 0 && place + 1 < text.Length && char.IsSurrogatePair(text[place], text[place + 1]);

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
