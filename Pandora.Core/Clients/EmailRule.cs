using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Pandora.Core.Rest;

namespace Pandora.Core.Clients;

/// <summary>
/// What counts as an e-mail address here: enough to catch slips, not to prove that mail arrives. Domains may be in any
/// script, so that a label may need what stands between and above letters.
/// </summary>
internal static class EmailRule
{
    private const int MiddleDot = 0x00B7; // Catalan
    private const int KatakanaMiddleDot = 0x30FB;
    private const int NonJoiner = 0x200C; // Persian
    private const int Joiner = 0x200D; // scripts of India

    /// <summary>Returns <paramref name="email"/>, having reported a fault of the property <c>email</c> if it has one.</summary>
    [return: NotNullIfNotNull(nameof(email))]
    public static string? Check(Fields fields, string? email) =>
        string.IsNullOrEmpty(email) || IsValid(email) ? email : fields.Broken("email", "must be an e-mail address such as name@example.org", email);

    private static bool IsValid(string email) =>
        !email.Any(character => char.IsWhiteSpace(character) || char.IsControl(character))
        && email.Split('@') is [{ Length: > 0 }, var domain]
        && domain.Split('.') is { Length: >= 2 } labels
        && labels.All(IsLabel);

    private static bool IsLabel(string label) =>
        label.Length > 0 && label.EnumerateRunes().All(rune => Rune.IsLetterOrDigit(rune) || IsWithinWords(rune));

    private static bool IsWithinWords(Rune rune) => rune.Value is '-' or MiddleDot or KatakanaMiddleDot or NonJoiner or Joiner
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;
}
