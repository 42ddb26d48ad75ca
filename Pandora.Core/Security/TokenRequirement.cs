using Microsoft.AspNetCore.Authorization;

namespace Pandora.Core.Security;

/// <summary>What a policy asks of the token of an authenticated caller.</summary>
/// <param name="Scope">The scope it must have. Null: none, as only access tokens have none.</param>
/// <param name="DespiteForcedChange">Whether it is good while a password change is forced.</param>
internal sealed record TokenRequirement(string? Scope, bool DespiteForcedChange) : IAuthorizationRequirement, IAuthorizationHandler
{
    /// <summary>Why the caller may not pass, for the message of the refusal. Null: they may.</summary>
    public string? RefusalOf(Caller caller) => caller switch
    {
        _ when caller.Scope != Scope => "This token is not for this route.",
        { Account.ForcePasswordReset: true } when !DespiteForcedChange =>
            "The password must be changed first: POST /api/v1/auth/change-password.",
        _ => null,
    };

    public Task HandleAsync(AuthorizationHandlerContext context)
    {
        if (context.Resource is HttpContext http && http.Features.Get<Caller>() is { } caller)
        {
            if (RefusalOf(caller) is { } refusal)
            {
                context.Fail(new AuthorizationFailureReason(this, refusal));
            }
            else
            {
                context.Succeed(this);
            }
        }
        return Task.CompletedTask;
    }
}
