using Microsoft.Net.Http.Headers;

namespace Pandora.Core.Rest;

/// <summary>Answers HEAD as GET is answered: the same route and headers. The listener leaves the body out.</summary>
internal static class HeadRequests
{
    /// <summary>Before routing.</summary>
    public static void UseHeadRequests(this IApplicationBuilder app) => app.Use(next => async context =>
    {
        var request = context.Request;
        var isHead = HttpMethods.IsHead(request.Method);
        request.Method = isHead ? HttpMethods.Get : request.Method;
        try
        {
            await next(context);
        }
        finally
        {
            request.Method = isHead ? HttpMethods.Head : request.Method;
        }
        if (context.Response is { StatusCode: StatusCodes.Status405MethodNotAllowed, HasStarted: false } refused)
        {
            refused.Headers.Allow = WithHead(refused.Headers.GetCommaSeparatedValues(HeaderNames.Allow));
        }
    });

    private static string WithHead(string[] allowed) => string.Join(
        ", ", allowed.SelectMany(method => HttpMethods.IsGet(method) ? [method, HttpMethods.Head] : new[] { method }));
}
