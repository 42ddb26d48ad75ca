using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Pandora.Core.Errors;

namespace Pandora.Core.Security;

/// <summary>Answers callers whom the policy of a route does not let pass with an error object: 401 or 403.</summary>
internal sealed class RefusalAnswers : IAuthorizationMiddlewareResultHandler
{
    public async Task HandleAsync(
        RequestDelegate next, HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult authorizeResult)
    {
        if (authorizeResult.Succeeded)
        {
            await next(context);
        }
        else if (authorizeResult.Challenged)
        {
            // Not authenticated twice: the scheme remembers its result. Without a bearer token it is neither success nor failure.
            var tokenWasPresented = await context.AuthenticateAsync() is { Failure: not null };
            await ErrorResponses.WriteAsync(
                context,
                Error.Unauthorized("A valid access token is needed: POST /api/v1/auth/login gives one.", tokenWasPresented));
        }
        else
        {
            await ErrorResponses.WriteAsync(
                context,
                new Error(ErrorCode.Forbidden, authorizeResult.AuthorizationFailure!.FailureReasons.First().Message));
        }
    }
}
