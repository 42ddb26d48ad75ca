using System.Text;
using Microsoft.Net.Http.Headers;

namespace Pandora.Core.Transport;

/// <summary>
/// Reads <c>:authority</c> and <c>Host</c> so that Kestrel takes every one that clients, proxies and meshes send: lists of
/// addresses, <c>:50051</c>, <c>[::]:50051</c>, names with <c>_</c>. Kestrel refuses all that is no host name with a port;
/// nothing here looks at it. Of other headers every byte is taken as a character: one that is no UTF-8 would end the
/// connection with all its calls.
/// </summary>
internal sealed class HostNames : Encoding
{
    private const char Replacement = '_';

    private static readonly HostNames Instance = new();

    /// <summary>For the headers of both protocols.</summary>
    public static Encoding For(string header) => header is ":authority" || header == HeaderNames.Host ? Instance : Latin1;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        var given = bytes.AsSpan(byteIndex, byteCount);
        var name = given[..NameLength(given)];
        for (var i = 0; i < given.Length; i++)
        {
            chars[charIndex + i] = i >= name.Length || IsPlain(given[i]) ? (char)given[i] : Replacement;
        }
        return byteCount;
    }

    public override int GetCharCount(byte[] bytes, int index, int count) => count;

    public override int GetMaxCharCount(int byteCount) => byteCount;

    public override int GetByteCount(char[] chars, int index, int count) => count;

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetMaxByteCount(int charCount) => charCount;

    /// <summary>Without the port at its end, if there is one, and something before it.</summary>
    private static int NameLength(ReadOnlySpan<byte> authority)
    {
        var colon = authority.LastIndexOf((byte)':');
        return colon > 0 && colon < authority.Length - 1 && !authority[(colon + 1)..].ContainsAnyExceptInRange((byte)'0', (byte)'9')
            ? colon
            : authority.Length;
    }

    private static bool IsPlain(byte value) => char.IsAsciiLetterOrDigit((char)value) || value is (byte)'.' or (byte)'-';
}
