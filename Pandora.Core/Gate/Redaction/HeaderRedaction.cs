using Pandora.Core.Keys;

namespace Pandora.Core.Gate.Redaction;

/// <summary>
/// Takes the secrets out of headers, in whatever notation a service sends them. What is not understood but names a
/// credential is not kept at all; a name without a value, as in <c>Vary: Authorization</c>, is no secret.
/// </summary>
internal static class HeaderRedaction
{
    /// <summary>What stands for a value, or for a whole text.</summary>
    public const string Mask = "[redacted]";

    /// <summary>Texts within texts. Each layer of JSON doubles the backslashes of the one inside it, so few are ever met.</summary>
    private const int DeepestNesting = 4;

    /// <returns>The same memory if there is nothing to redact.</returns>
    public static ReadOnlyMemory<char> Redact(ReadOnlyMemory<char> headers) =>
        Redact(headers, depth: 0) is { } redacted ? redacted.AsMemory() : headers;

    /// <param name="depth">Of how many other texts this is part: the value of a member, the element of a list.</param>
    /// <returns>Null: there is nothing to redact.</returns>
    internal static string? Redact(ReadOnlyMemory<char> text, int depth)
    {
        if (!AreNamedIn(text.Span))
        {
            return null;
        }
        if (depth > DeepestNesting)
        {
            return Mask;
        }
        switch (text.Span.TrimStart(HeaderLines.Blanks))
        {
            case ['{' or '[', ..]:
                return HeaderJson.TryRedact(text, depth, out var json) ? json : Mask;
            case ['"', ..] when HeaderJson.TryRedact(text, depth, out var quoted):
                return quoted;
            case ['<', not ' ', ..]: // XML
                return Mask;
            default:
                return HeaderLines.Redact(text.Span, isPart: depth > 0);
        }
    }

    /// <summary>Behind escapes too.</summary>
    internal static bool AreNamedIn(ReadOnlySpan<char> text)
    {
        if (CredentialNames.AreIn(text))
        {
            return true;
        }
        using var decoded = DecodedText.Of(text);
        return decoded is not null && CredentialNames.AreIn(decoded.Text);
    }
}
