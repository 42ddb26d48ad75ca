using Microsoft.AspNetCore.Authorization;

namespace Pandora.Core.Security;

/// <summary>
/// The authorization policies that routes and groups of routes name. A route without a policy must say
/// <c>AllowAnonymous</c>; a test lists them all.
/// </summary>
internal static class Policies
{
    /// <summary>An access token, even while a password change is forced.</summary>
    public const string Session = "session";

    /// <summary>An access token, refused while a password change is forced.</summary>
    public const string Administrator = "administrator";

    /// <summary>
    /// Any good token. The handler demands <see cref="RevealRequirement"/> itself, because it records refusals too.
    /// </summary>
    public const string Reveal = "reveal";

    /// <summary>A token with the scope <see cref="Tokens.RevealScope"/>, refused while a password change is forced.</summary>
    public static readonly TokenRequirement RevealRequirement = new(Tokens.RevealScope, DespiteForcedChange: false);

    public static void Add(AuthorizationOptions options)
    {
        options.AddPolicy(Session, policy => policy.AddRequirements(new TokenRequirement(null, DespiteForcedChange: true)));
        options.AddPolicy(Administrator, policy => policy.AddRequirements(new TokenRequirement(null, DespiteForcedChange: false)));
        options.AddPolicy(Reveal, policy => policy.RequireAuthenticatedUser());
    }
}
