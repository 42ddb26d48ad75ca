using System.Buffers;

namespace Pandora.Core.Gate;

/// <summary>Reads the usual spellings of a UUID: hyphens or not, braces or not, any letter case, any version.</summary>
internal static class UuidText
{
    private static readonly SearchValues<char> Allowed = SearchValues.Create("0123456789abcdefABCDEF-");

    public static bool TryRead(ReadOnlySpan<char> text, out Guid id)
    {
        if (text is ['{', .. var inner, '}'])
        {
            text = inner;
        }
        // The library's parser also takes outer blanks and, in places, signs; hence the look at each character.
        id = default;
        return !text.ContainsAnyExcept(Allowed) && (Guid.TryParseExact(text, "D", out id) || Guid.TryParseExact(text, "N", out id));
    }
}
