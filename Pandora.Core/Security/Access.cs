namespace Pandora.Core.Security;

/// <summary>Which token a route asks for.</summary>
internal enum AccessLevel
{
    /// <summary>None; an <c>Authorization</c> header is not even looked at.</summary>
    Anyone,

    /// <summary>An access token, even while a password change is forced.</summary>
    Session,

    /// <summary>An access token. The level of every route that names no other.</summary>
    Administrator,

    /// <summary>A token with the scope <see cref="Tokens.RevealScope"/>.</summary>
    Reveal,
}

/// <summary>The access a route asks for, among its metadata.</summary>
/// <param name="RefusedByHandler">True: callers who are known but may not pass reach the handler, which refuses them itself.</param>
internal sealed record AccessRule(AccessLevel Level, bool RefusedByHandler = false);

internal static class AccessRules
{
    /// <summary>The rule of a route; the strictest usual one if it has none, so that forgetting one opens nothing.</summary>
    public static AccessRule Of(Endpoint route) =>
        route.Metadata.GetMetadata<AccessRule>() ?? new AccessRule(AccessLevel.Administrator);

    /// <summary>States which token a route, or every route of a group, asks for.</summary>
    public static TBuilder RequireAccess<TBuilder>(this TBuilder routes, AccessLevel level, bool refusedByHandler = false)
        where TBuilder : IEndpointConventionBuilder =>
        routes.WithMetadata(new AccessRule(level, refusedByHandler));
}
