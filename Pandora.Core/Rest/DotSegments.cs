using Microsoft.AspNetCore.Http.Features;

namespace Pandora.Core.Rest;

/// <summary>
/// Knows no route for a target with <c>.</c> or <c>..</c> in its path. Kestrel resolves them, so that a proxy which guards a
/// path by its beginning, and does not, would let pass what it was to hold back.
/// </summary>
internal static class DotSegments
{
    /// <summary>Before routing.</summary>
    public static void UseDotSegments(this IApplicationBuilder app) => app.Use(next => context =>
    {
        if (!AreIn(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget))
        {
            return next(context);
        }
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    });

    /// <param name="target">As it came, in origin or absolute form.</param>
    internal static bool AreIn(ReadOnlySpan<char> target)
    {
        var query = target.IndexOf('?');
        var path = query < 0 ? target : target[..query];
        foreach (var range in path.Split('/'))
        {
            var segment = path[range];
            if (segment.Length is > 0 and <= 6 && segment.ToString().Replace("%2e", ".", StringComparison.OrdinalIgnoreCase) is "." or "..")
            {
                return true;
            }
        }
        return false;
    }
}
