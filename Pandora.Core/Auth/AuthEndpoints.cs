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
            .RequireAuthorization(Policies.Session).ProducesNoContent(413, 422, 429);
        auth.MapPost("/reauthenticate", Reauthenticate)
            .RequireAuthorization(Policies.Session).ProducesOk<Token>(413, 422, 429);
    }

    private static async Task<IResult> LogIn(
        Body<Credentials> body, HttpContext context, PasswordCheck passwords, Tokens tokens, CancellationToken ct)
    {
        var (username, password) = body.Value;
        var verdict = await passwords.LogInAsync(username, password, PeerAddress.Of(context), ct);
        return verdict switch
        {
            { Refusal: { } refusal } => refusal,
            { Account: { } account } => TypedResults.Ok(Login.Of(tokens.Issue(account), account.ForcePasswordReset)),
            _ => Error.Unauthorized("The username or the password is wrong."),
        };
    }

    private static async Task<IResult> ChangePassword(
        Body<ChangePassword> body, Caller caller, HttpContext context, PasswordCheck passwords, CancellationToken ct)
    {
        var (password, current) = (body.Value.NewPassword, body.Value.CurrentPassword);
        var peer = PeerAddress.Of(context);
        if (current is null)
        {
            return await passwords.ChangeForcedAsync(
                caller.Account, password, caller.TokenId, peer, Auth.ChangePassword.SameAsCurrent(), ct)
                ?? (IResult)TypedResults.NoContent();
        }
        var verdict = await passwords.ChangeAsync(caller.Account, current, password, caller.TokenId, peer, ct);
        return verdict switch
        {
            { Refusal: { } refusal } => refusal,
            { Account: not null } => TypedResults.NoContent(),
            _ => WrongPassword(),
        };
    }

    private static async Task<IResult> Reauthenticate(
        Body<Reauthenticate> body, Caller caller, HttpContext context, PasswordCheck passwords, Tokens tokens, CancellationToken ct)
    {
        var verdict = await passwords.ConfirmAsync(caller.Account, body.Value.Password, PeerAddress.Of(context), ct);
        return verdict switch
        {
            { Refusal: { } refusal } => refusal,
            { Account: { } account } => TypedResults.Ok(Token.Of(tokens.Issue(account, Tokens.RevealScope))),
            _ => WrongPassword(),
        };
    }

    // 403, not 401: clients end their session on a 401, and the session is good whatever the password typed now.
    private static Error WrongPassword() => new(ErrorCode.Forbidden, "The password is wrong.");
}
