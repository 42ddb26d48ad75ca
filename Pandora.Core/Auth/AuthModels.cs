using Pandora.Core.Errors;
using Pandora.Core.Rest;
using Pandora.Core.Security;

namespace Pandora.Core.Auth;

/// <param name="ExpiresIn">The instant at which the token ends, although the name sounds like a span of time.</param>
public sealed record Token(string TokenType, DateTimeOffset ExpiresIn, string AccessToken)
{
    internal const string Bearer = "Bearer";

    internal static Token Of(IssuedToken token) => new(Bearer, token.ExpiresAt, token.Text);
}

/// <param name="ForcePasswordReset">True: the token is good for little but changing the password.</param>
/// <inheritdoc cref="Token"/>
public sealed record Login(string TokenType, DateTimeOffset ExpiresIn, string AccessToken, bool ForcePasswordReset)
{
    internal static Login Of(IssuedToken token, bool forcePasswordReset) =>
        new(Token.Bearer, token.ExpiresAt, token.Text, forcePasswordReset);
}

/// <summary>Who wants to log in. Any length goes: what is too long is simply wrong.</summary>
internal sealed record Credentials(string Username, string Password) : IReadFromFields<Credentials>
{
    public static string Entity => "Authenticate";

    public static bool MayBeForm => true;

    public static Credentials Read(Fields fields) => new(fields.Text("username"), fields.Text("password"));
}

/// <param name="NewPassword">12 to 128 characters, any of them, kept as they are; equal to the confirmation.</param>
/// <param name="CurrentPassword">Null: not told, which goes while a change is forced.</param>
internal sealed record ChangePassword(string NewPassword, string ConfirmPassword, string? CurrentPassword)
    : IReadFromFields<ChangePassword>
{
    private const string NewPasswordField = "new_password";
    private const string CurrentPasswordField = "current_password";
    private const string DiffersFromCurrent = "must differ from the current password";
    private const int Shortest = 12;
    private const int Longest = 128;

    public static string Entity => "ChangePassword";

    public static ChangePassword Read(Fields fields) => Read(fields, isForced: true);

    // A token alone, which may be a stolen one, must not be enough to take the account over.
    public static ChangePassword Read(Fields fields, HttpContext context) =>
        Read(fields, context.Features.Get<Caller>() is { Account.ForcePasswordReset: true });

    public static Error SameAsCurrent() => Error.Field(Entity, NewPasswordField, $"{NewPasswordField} {DiffersFromCurrent}.");

    private static ChangePassword Read(Fields fields, bool isForced)
    {
        var password = fields.Text(NewPasswordField);
        if (password.Length > 0 && password.EnumerateRunes().Count() is < Shortest or > Longest)
        {
            fields.Broken(NewPasswordField, $"must have {Shortest} to {Longest} characters", password);
        }
        var confirmation = fields.Text("confirm_password");
        if (password.Length > 0 && confirmation.Length > 0 && confirmation != password)
        {
            fields.Broken(NewPasswordField, "must equal confirm_password", password);
        }
        var current = isForced ? fields.OptionalText(CurrentPasswordField) : fields.Text(CurrentPasswordField);
        if (password.Length > 0 && confirmation.Length > 0 && password == current)
        {
            fields.Broken(NewPasswordField, DiffersFromCurrent, password);
        }
        return new ChangePassword(password, confirmation, string.IsNullOrEmpty(current) ? null : current);
    }
}

/// <summary>What the password is typed for again.</summary>
internal enum ReauthenticationAction
{
    RevealApiKey,
}

internal sealed record Reauthenticate(ReauthenticationAction Action, string Password) : IReadFromFields<Reauthenticate>
{
    public static string Entity => "Reauthenticate";

    public static Reauthenticate Read(Fields fields) =>
        new(fields.UpperMember<ReauthenticationAction>("action"), fields.Text("password"));
}
