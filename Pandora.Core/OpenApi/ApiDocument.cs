using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Scalar.AspNetCore;

namespace Pandora.Core.OpenApi;

/// <summary>
/// The documentation of the REST API: an OpenAPI document made from the routes, their views and what their inputs tell of
/// themselves, and two pages to read and try it. None needs a token, none loads anything from other hosts.
/// </summary>
internal static class ApiDocument
{
    /// <summary>Scheme of all routes but one: the access token, which logging in gives.</summary>
    public const string PasswordScheme = "password";

    /// <summary>Scheme of the route that reveals a key: the scoped token, which reauthenticating gives.</summary>
    public const string ScopedScheme = "scoped";

    /// <summary>The document in OpenAPI 3.1.</summary>
    private const string Document = "doc";

    /// <summary>The same in OpenAPI 3.0, for generators that need it.</summary>
    private const string Document30 = "doc-3.0";

    private const string Pattern = "/swagger/{documentName}.json";
    private const string ScalarPath = "/scalar";

    /// <summary>Holds browsers to what the page of Scalar says of itself: it loads nothing from other hosts.</summary>
    private const string ScalarContentPolicy =
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:";

    private const string Title = "Pandora Core";
    private const string Version = "1.0";

    public static void AddApiDocument(this IServiceCollection services)
    {
        services.AddOpenApi(Document, options => Describe(options, OpenApiSpecVersion.OpenApi3_1));
        services.AddOpenApi(Document30, options => Describe(options, OpenApiSpecVersion.OpenApi3_0));
    }

    /// <summary>The documents and Swagger UI below <c>/swagger</c>, Scalar at <c>/scalar</c>.</summary>
    public static void UseApiDocument(this WebApplication app)
    {
        app.MapOpenApi(Pattern).AllowAnonymous();
        app.UseSwaggerUI(page =>
        {
            page.RoutePrefix = "swagger";
            page.DocumentTitle = Title;
            page.SwaggerEndpoint("/swagger/doc.json", Title);
        });
        app.MapScalarApiReference(ScalarPath, Configure).AddEndpointFilter(ServeScalar).AllowAnonymous();
    }

    private static void Describe(OpenApiOptions options, OpenApiSpecVersion version)
    {
        options.OpenApiVersion = version;
        options.AddSchemaTransformer(Schemas.Shape);
        options.AddOperationTransformer(Operations.Shape);
        options.AddDocumentTransformer((document, _, _) =>
        {
            Shape(document);
            return Task.CompletedTask;
        });
    }

    private static void Configure(ScalarOptions page, HttpContext context) => page
        .WithTitle(Title)
        .AddDocument(Document)
        .WithOpenApiRoutePattern(Pattern)
        .DisableDefaultFonts()
        .DisableTelemetry()
        .DisableAgent()
        .DisableMcp()
        .HideDeveloperTools()
        // The page names its scripts relative to a path that ends in a slash.
        .AddHeadContent($"<base href=\"{context.Request.PathBase}{ScalarPath}/\">");

    private static ValueTask<object?> ServeScalar(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        http.Response.Headers.ContentSecurityPolicy = ScalarContentPolicy;
        if (http.Request.Path == ScalarPath)
        {
            // Else the library would redirect to the path with a slash, which names the same page.
            http.Request.Path = ScalarPath + "/";
        }
        return next(context);
    }

    private static void Shape(OpenApiDocument document)
    {
        document.Info = new OpenApiInfo
        {
            Title = Title,
            Version = Version,
            Description = "Issues, validates, logs and meters API keys. Services check keys over gRPC; this is the side of administrators.",
        };
        // Relative, so that the document is the same whatever name the caller knows this server by.
        document.Servers = [new OpenApiServer { Url = "/" }];
        document.Tags = document.Tags?.OrderBy(tag => tag.Name, StringComparer.Ordinal).ToHashSet();
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            [PasswordScheme] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.OAuth2,
                Description = "An access token, valid for one hour.",
                Flows = new OpenApiOAuthFlows
                {
                    Password = new OpenApiOAuthFlow
                    {
                        TokenUrl = new Uri("/api/v1/auth/login", UriKind.Relative),
                        Scopes = new Dictionary<string, string>(),
                    },
                },
            },
            [ScopedScheme] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                BearerFormat = "JWT",
                Description = "A token with the scope api_key:reveal, valid for one minute: POST /api/v1/auth/reauthenticate gives it.",
            },
        };
        var schemas = document.Components.Schemas ?? new Dictionary<string, IOpenApiSchema>();
        schemas[ErrorSchema.Name] = ErrorSchema.Create(document);
        foreach (var schema in schemas.Values.OfType<OpenApiSchema>())
        {
            schema.Description = FirstSentence(schema.Description);
        }
        document.Components.Schemas = schemas
            .OrderBy(schema => schema.Key, StringComparer.Ordinal)
            .ToDictionary(schema => schema.Key, schema => schema.Value);
    }

    /// <summary>What a type is for. The rest of its comment is for those who read the code.</summary>
    private static string? FirstSentence(string? comment) =>
        comment?.ReplaceLineEndings(" ") is { } text && text.IndexOf(". ", StringComparison.Ordinal) is > 0 and var end
            ? text[..(end + 1)]
            : comment;
}
