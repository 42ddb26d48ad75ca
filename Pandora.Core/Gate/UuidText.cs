using System.Buffers;

namespace Pandora.Core.Gate;

/// <summary>Reads the usual spellings of a UUID: hyphens or not, braces or not, any letter case, any version.</summary>
internal static class UuidText
{
    private const int HyphenatedLength = 36;
    private const int PlainLength = 32;

    private static readonly SearchValues<char> HexDigits =
        SearchValues.Create("0123456789abcdefABCDEF");

    private static readonly SearchValues<char> HexDigitsAndHyphen =
        SearchValues.Create("0123456789abcdefABCDEF-");

    public static bool TryRead(ReadOnlySpan<char> text, out Guid id)
    {
        if (text is ['{', .. var inner, '}'])
        {
            text = inner;
        }
        // The library's parser also takes outer blanks and, in places, signs; hence the look at each character.
        id = default;
        return text.Length switch
        {
            PlainLength => !text.ContainsAnyExcept(HexDigits) && Guid.TryParseExact(text, "N", out id),
            HyphenatedLength => !text.ContainsAnyExcept(HexDigitsAndHyphen) && Guid.TryParseExact(text, "D", out id),
            _ => false,
        };
    }
}
