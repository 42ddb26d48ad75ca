using System.Diagnostics.CodeAnalysis;
using Pandora.Core.Rest;

namespace Pandora.Core.Clients;

/// <summary>What counts as an e-mail address here: enough to catch slips, not to prove that mail arrives.</summary>
internal static class EmailRule
{
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
        label.Length > 0 && label.EnumerateRunes().All(rune => System.Text.Rune.IsLetterOrDigit(rune) || rune.Value == '-');
}
