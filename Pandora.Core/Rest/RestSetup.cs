using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Pandora.Core.Errors;
using Pandora.Core.Settings;

namespace Pandora.Core.Rest;

/// <summary>What surrounds every REST endpoint: headers, CORS, JSON rules, and an error object for all that goes wrong.</summary>
internal static class RestSetup
{
    /// <summary>What scripts of other origins may read beside the body.</summary>
    private const string ExposedHeaders = "Link, Retry-After, WWW-Authenticate";

    /// <summary>No page of others shows ours within itself.</summary>
    private const string NoFrames = "frame-ancestors 'none'";

    /// <summary>The version of the running product.</summary>
    public static string ProductVersion { get; } =
        typeof(RestSetup).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    public static void AddRest(this IServiceCollection services, PandoraSettings settings)
    {
        services.AddSingleton<BodyMemory>();
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
            json.SerializerOptions.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
            json.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower));
            json.SerializerOptions.Converters.Add(new Timestamp.Converter());
        });
        services.AddCors(cors => cors.AddDefaultPolicy(policy =>
        {
            policy
                .WithMethods("GET", "POST", "PATCH", "DELETE", "OPTIONS")
                .WithHeaders("authorization", "content-type");
            if (settings.CorsOrigins is { } origins)
            {
                // A predicate, because the middleware then answers with Vary: Origin even for a list of one.
                policy.SetIsOriginAllowed(origin => origins.Contains(origin, StringComparer.OrdinalIgnoreCase));
            }
            else
            {
                policy.AllowAnyOrigin();
            }
        }));
    }

    /// <summary>Everything up to routing. Authentication and endpoints follow.</summary>
    public static void UseRest(this WebApplication app, PandoraSettings settings)
    {
        var server = settings.ExposeVersion ? $"pandora/{ProductVersion}" : null;
        app.Use((context, next) =>
        {
            // Set at the last moment, because an answer to a fault clears the headers before it.
            context.Response.OnStarting(() =>
            {
                SetCommonHeaders(context, server);
                return Task.CompletedTask;
            });
            return next(context);
        });
        app.UseCors();
        app.UseMiddleware<FaultAnswers>();
        app.UseStatusCodePages(pages => AnswerBareStatus(pages.HttpContext));
        app.UseDotSegments();
        app.UseHeadRequests();
        app.UseRouting();
    }

    private static void SetCommonHeaders(HttpContext context, string? server)
    {
        var headers = context.Response.Headers;
        if (server is not null)
        {
            headers.Server = server;
        }
        if (headers.ContainsKey(HeaderNames.AccessControlAllowOrigin))
        {
            // Here and not in the policy, which would leave preflights out.
            headers.AccessControlExposeHeaders = ExposedHeaders;
        }
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        if (!IsDocumentation(context.Request.Path))
        {
            // What is administered here belongs in no cache, and an error that is shown again would be worse than none.
            headers.CacheControl = "no-store";
            headers.ContentSecurityPolicy = $"default-src 'none'; {NoFrames}";
        }
        else if (!headers.ContentSecurityPolicy.ToString().Contains(NoFrames, StringComparison.Ordinal))
        {
            headers.ContentSecurityPolicy = StringValues.IsNullOrEmpty(headers.ContentSecurityPolicy)
                ? NoFrames
                : $"{headers.ContentSecurityPolicy}; {NoFrames}";
        }
    }

    private static bool IsDocumentation(PathString path) => path.StartsWithSegments("/swagger") || path.StartsWithSegments("/scalar");

    /// <summary>Puts routes below <c>/api/v1</c>; inputs at fault are refused before a handler runs.</summary>
    public static RouteGroupBuilder MapApi(this IEndpointRouteBuilder routes) =>
        routes.MapGroup("/api/v1").AddEndpointFilter(RefuseFaultyInput);

    /// <summary>The first fault answers, in the order of the handler's parameters: path ids, then body or query.</summary>
    private static async ValueTask<object?> RefuseFaultyInput(EndpointFilterInvocationContext context, EndpointFilterDelegate next) =>
        context.Arguments.OfType<IRequestInput>().FirstOrDefault(input => input.Fault is not null) is { Fault: var fault }
            ? fault
            : await next(context);

    private static Task AnswerBareStatus(HttpContext context) => context.Response.StatusCode switch
    {
        StatusCodes.Status404NotFound => ErrorResponses.WriteAsync(
            context, new Error(ErrorCode.NotFound, "There is no such route.")),
        StatusCodes.Status405MethodNotAllowed => ErrorResponses.WriteAsync(
            context, new Error(ErrorCode.MethodNotAllowed, $"{context.Request.Method} is not allowed here; see the Allow header.")),
        _ => Task.CompletedTask,
    };
}
