using Microsoft.AspNetCore.Identity;
using Pandora.Core.Errors;
using Pandora.Core.Rest;
using Pandora.Core.Security;

namespace Pandora.Core.Auth;

/// <summary>REST: the administrator logs in, changes the password, and confirms who they are before a key is revealed.</summary>
internal static class AuthEndpoints
{
    public static void MapAuth(this IEndpointRouteBuilder api)
    {
        var auth = api.MapGroup("/auth").WithTags("Authentication");
        auth.MapPost("/login", LogIn)
            .AllowAnonymous().ProducesOk<Login>(401, 413, 422, 429);
        auth.MapPost("/change-password", ChangePassword)
            .RequireAuthorization(Policies.Session).ProducesNoContent(413, 422);
        auth.MapPost("/reauthenticate", Reauthenticate)
            .RequireAuthorization(Policies.Session).ProducesOk<Token>(413, 422, 429);
    }

    private static async Task<IResult> LogIn(
        Body<Credentials> body, HttpContext context, PasswordCheck passwords, Tokens tokens, CancellationToken ct)
    {
        var (username, password) = body.Value;
        var verdict = await passwords.CheckAsync(username, password, PeerAddress.Of(context), ct);
        return verdict switch
        {
            { Refusal: { } refusal } => refusal,
            { Account: { } account } => TypedResults.Ok(Login.Of(tokens.Issue(account), account.ForcePasswordReset)),
            _ => Error.Unauthorized("The username or the password is wrong."),
        };
    }

    private static async Task<IResult> ChangePassword(
        Body<ChangePassword> body, Caller caller, PasswordHashing hashing, AdminAccounts accounts, CancellationToken ct)
    {
        var password = body.Value.NewPassword;
        using var permit = await hashing.AcquireAsync(ct);
        if (!permit.IsAcquired)
        {
            return PasswordHashing.Busy();
        }
        if (await hashing.VerifyAsync(caller.Account.PasswordHash, password) != PasswordVerificationResult.Failed)
        {
            return Auth.ChangePassword.SameAsCurrent();
        }
        var hash = await hashing.HashAsync(password);
        return await accounts.ChangePasswordAsync(caller.Account, hash, caller.TokenId, ct)
            ? TypedResults.NoContent()
            : Error.Unauthorized("The password was changed by somebody else meanwhile.", tokenWasPresented: true);
    }

    // 403, not 401: clients end their session on a 401, and the session is good whatever the password typed now.
    private static async Task<IResult> Reauthenticate(
        Body<Reauthenticate> body, Caller caller, HttpContext context, PasswordCheck passwords, Tokens tokens, CancellationToken ct)
    {
        var verdict = await passwords.CheckAsync(caller.Account.Username, body.Value.Password, PeerAddress.Of(context), ct);
        return verdict switch
        {
            { Refusal: { } refusal } => refusal,
            { Account: { } account } => TypedResults.Ok(Token.Of(tokens.Issue(account, Tokens.RevealScope))),
            _ => new Error(ErrorCode.Forbidden, "The password is wrong."),
        };
    }
}
