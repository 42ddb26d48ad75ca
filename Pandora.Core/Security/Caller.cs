using System.Reflection;
using Pandora.Core.Errors;

namespace Pandora.Core.Security;

/// <summary>Who makes an authenticated call; a handler gets it as a parameter.</summary>
/// <param name="TokenId">The <c>jti</c> of the token presented.</param>
/// <param name="Scope">What alone the token may do. Null: an access token.</param>
/// <param name="Account">As stored when the call was authenticated.</param>
internal sealed record Caller(string TokenId, string? Scope, AdminAccount Account) : IBindableFromHttpContext<Caller>
{
    /// <summary>Why the caller may not pass. Null: they may.</summary>
    public Error? RefusalAt(AccessLevel level)
    {
        if (Scope != (level == AccessLevel.Reveal ? Tokens.RevealScope : null))
        {
            return new Error(ErrorCode.Forbidden, "This token is not for this route.");
        }
        return Account.ForcePasswordReset && level != AccessLevel.Session
            ? new Error(ErrorCode.Forbidden, "The password must be changed first: POST /api/v1/auth/change-password.")
            : null;
    }

    public static ValueTask<Caller?> BindAsync(HttpContext context, ParameterInfo parameter) =>
        ValueTask.FromResult(context.Features.Get<Caller>());
}
