using System.Buffers;

namespace Pandora.Core.Gate.Redaction;

/// <summary>The names of headers whose values are secrets. Letter case, hyphens, underscores and blanks make no difference.</summary>
internal static class CredentialNames
{
    private const int ShortName = 128;

    private static readonly SearchValues<string> Parts = SearchValues.Create(
        ["apikey", "token", "secret", "password", "subscriptionkey", "signature"], StringComparison.Ordinal);

    /// <summary>Where there is none of these, there is no name either.</summary>
    private static readonly SearchValues<string> Traces = SearchValues.Create(
        ["authorization", "cookie", "apikey", "token", "secret", "password", "subscriptionkey", "signature"], StringComparison.Ordinal);

    /// <summary>What CGI and its heirs put before the name of a header.</summary>
    private static readonly string[] CgiPrefixes = ["redirect", "http"];

    public static bool IsOne(ReadOnlySpan<char> name) => Look(name, isName: true);

    /// <summary>Whether a text names one of them anywhere, be it within a word.</summary>
    public static bool AreIn(ReadOnlySpan<char> text) => Look(text, isName: false);

    private static bool Look(ReadOnlySpan<char> text, bool isName)
    {
        char[]? lent = null;
        Span<char> letters = text.Length > ShortName ? lent = ArrayPool<char>.Shared.Rent(text.Length) : stackalloc char[ShortName];
        var length = 0;
        foreach (var character in text)
        {
            if (character is not ('-' or '_' or ' '))
            {
                letters[length++] = char.ToLowerInvariant(character);
            }
        }
        ReadOnlySpan<char> plain = letters[..length];
        var answer = isName ? plain.ContainsAny(Parts) || IsWhole(plain) : plain.ContainsAny(Traces);
        if (lent is not null)
        {
            ArrayPool<char>.Shared.Return(lent);
        }
        return answer;
    }

    private static bool IsWhole(ReadOnlySpan<char> plain)
    {
        foreach (var prefix in CgiPrefixes)
        {
            plain = plain.StartsWith(prefix, StringComparison.Ordinal) ? plain[prefix.Length..] : plain;
        }
        return plain is "authorization" or "proxyauthorization" or "cookie" or "setcookie";
    }
}
