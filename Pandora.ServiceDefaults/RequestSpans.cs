using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Pandora.ServiceDefaults;

/// <summary>Adds to the host's span of a request what only its end tells: the route, hence a name, and the status.</summary>
public static class RequestSpans
{
    private const string Other = "_OTHER";
    private const string Hidden = "*";

    /// <summary>An id of 32 bits in decimal.</summary>
    private const int MaxDigits = 10;

    /// <summary>Must be the first of the pipeline, so that it sees the status that is sent.</summary>
    public static IApplicationBuilder UseRequestSpans(this IApplicationBuilder app) => app.Use(next => context =>
        context.Features.Get<IHttpActivityFeature>()?.Activity is { Recorded: true } span ? DescribeAsync(context, next, span) : next(context));

    private static async Task DescribeAsync(HttpContext context, RequestDelegate next, Activity span)
    {
        try
        {
            await next(context);
        }
        finally
        {
            Describe(span, context);
        }
    }

    private static void Describe(Activity span, HttpContext context)
    {
        var method = span.GetTagItem("http.request.method") as string ?? Other;
        var route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        span.DisplayName = (method == Other ? "HTTP" : method) + (route is null ? "" : $" {route}");
        if (route is not null)
        {
            span.SetTag("http.route", route);
        }
        span.SetTag("url.path", Path(context.Request.Path.Value ?? "", route));
        var status = context.Response.StatusCode;
        span.SetTag("http.response.status_code", status);
        if (status >= StatusCodes.Status500InternalServerError)
        {
            span.SetTag("error.type", status.ToString(CultureInfo.InvariantCulture));
            span.SetStatus(ActivityStatusCode.Error);
        }
    }

    /// <summary>Without what is no id: somebody may have put a key where an id belongs.</summary>
    private static string Path(string path, string? route)
    {
        if (route is null)
        {
            return $"/{Hidden}";
        }
        var expected = route.Trim('/').Split('/');
        var given = path.Trim('/').Split('/').Select((part, i) =>
            i < expected.Length && (!expected[i].Contains('{', StringComparison.Ordinal) || IsId(part)) ? part : Hidden);
        return $"/{string.Join('/', given)}";
    }

    private static bool IsId(string part) =>
        (part.Length <= MaxDigits && part.All(char.IsAsciiDigit)) || Guid.TryParseExact(part, "D", out _);
}
