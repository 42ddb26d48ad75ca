using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Pandora.ServiceDefaults;

/// <summary>
/// Makes a REST request a span. The host's own would be made for calls of gRPC too, recorded or not, and tells no route.
/// </summary>
public static class RequestSpans
{
    /// <summary>Of every span until its end, when its route is known.</summary>
    internal const string OperationName = "request";

    private const string HealthPath = "/api/v1/health";
    private const string Other = "_OTHER";
    private const string Hidden = "*";

    /// <summary>An id of 32 bits in decimal.</summary>
    private const int MaxDigits = 10;

    private static readonly ActivitySource Source = new(TelemetryExport.RequestsName);

    /// <summary>Must be the first of the pipeline, so that it sees the status that is sent. Health leaves no span.</summary>
    public static IApplicationBuilder UseRequestSpans(this IApplicationBuilder app) => app.Use(next => context =>
        IsHealth(context.Request) ? next(context) : WatchAsync(context, next));

    private static async Task WatchAsync(HttpContext context, RequestDelegate next)
    {
        var headers = context.Request.Headers;
        ActivityContext.TryParse(headers.TraceParent, headers.TraceState, isRemote: true, out var parent);
        using var span = Source.StartActivity(OperationName, ActivityKind.Server, parent);
        try
        {
            await next(context);
        }
        finally
        {
            if (span is { Recorded: true })
            {
                Describe(span, context);
            }
        }
    }

    private static void Describe(Activity span, HttpContext context)
    {
        var method = Known(context.Request.Method);
        var route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        span.DisplayName = (method == Other ? "HTTP" : method) + (route is null ? "" : $" {route}");
        span.SetTag("http.request.method", method);
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

    private static bool IsHealth(HttpRequest request) =>
        request.Path.Value is { } path && path.TrimEnd('/').Equals(HealthPath, StringComparison.OrdinalIgnoreCase);

    /// <summary>A caller may send any word; the conventions have one for those that they do not name.</summary>
    private static string Known(string method) => method is
        "GET" or "HEAD" or "POST" or "PUT" or "PATCH" or "DELETE" or "CONNECT" or "OPTIONS" or "TRACE" ? method : Other;

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
