using Microsoft.Extensions.Primitives;
using Pandora.Core.Errors;

namespace Pandora.Core.Security;

/// <summary>
/// Lets a request reach its route only with the token the route asks for. It runs after routing, so that unknown routes and
/// wrong methods are told first, and before any input is read.
/// </summary>
internal sealed class AccessControl(RequestDelegate next, Tokens tokens, AdminAccounts accounts)
{
    private const string Scheme = "Bearer";

    public async Task InvokeAsync(HttpContext context)
    {
        // Anything but a route is an answer of the router itself, such as 405.
        if (context.GetEndpoint() is RouteEndpoint route && await RefusalAsync(context, AccessRules.Of(route)) is { } refusal)
        {
            await ErrorResponses.WriteAsync(context, refusal);
            return;
        }
        await next(context);
    }

    private async Task<Error?> RefusalAsync(HttpContext context, AccessRule rule)
    {
        if (rule.Level == AccessLevel.Anyone)
        {
            return null;
        }
        var (presented, text) = ReadHeader(context.Request.Headers.Authorization);
        if (text is null || await AuthenticateAsync(text, context.RequestAborted) is not { } caller)
        {
            return Error.Unauthorized("A valid access token is needed: POST /api/v1/auth/login gives one.", presented);
        }
        context.Features.Set(caller);
        return rule.RefusedByHandler ? null : caller.RefusalAt(rule.Level);
    }

    private async Task<Caller?> AuthenticateAsync(string text, CancellationToken ct) =>
        await tokens.ReadAsync(text) is { } claims
        && await accounts.FindAsync(ct) is { } account
        && claims.Subject == account.Username
        && (claims.CredentialVersion == account.CredentialVersion || claims.TokenId == account.ExemptTokenId)
            ? new Caller(claims.TokenId, claims.Scope, account)
            : null;

    /// <summary>The bearer token, and whether there is anything that was meant as one.</summary>
    private static (bool Presented, string? Token) ReadHeader(StringValues header)
    {
        var presented = header.Any(value => value is not null && BearerRest(value) is { Length: > 0 });
        var token = header is [{ } only] ? BearerRest(only) : null;
        return (presented, token is null or "" || token.Contains(' ', StringComparison.Ordinal) ? null : token);
    }

    /// <summary>What follows the scheme. Null: another scheme.</summary>
    private static string? BearerRest(string value)
    {
        var end = value.IndexOf(' ', StringComparison.Ordinal);
        return end > 0 && value.AsSpan(0, end).Equals(Scheme, StringComparison.OrdinalIgnoreCase) ? value[end..].Trim(' ') : null;
    }
}
