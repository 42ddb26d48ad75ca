using System.Reflection;

namespace Pandora.Core.Security;

/// <summary>Who makes an authenticated call; a handler gets it as a parameter.</summary>
/// <param name="TokenId">The <c>jti</c> of the token presented.</param>
/// <param name="Scope">What alone the token may do. Null: an access token.</param>
/// <param name="Account">As stored when the call was authenticated.</param>
internal sealed record Caller(string TokenId, string? Scope, AdminAccount Account) : IBindableFromHttpContext<Caller>
{
    public static ValueTask<Caller?> BindAsync(HttpContext context, ParameterInfo parameter) =>
        ValueTask.FromResult(context.Features.Get<Caller>());
}
