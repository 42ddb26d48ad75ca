using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Scalar.AspNetCore;

namespace Pandora.Core.OpenApi;

/// <summary>
/// The documentation of the REST API: an OpenAPI document made from the routes, their views and what their inputs tell of
/// themselves, and two pages to read and try it. None needs a token, none loads anything from other hosts.
/// </summary>
internal static class OpenApiSetup
{
    /// <summary>By which the framework knows the document.</summary>
    private const string DocumentName = "v1";

    private const string DocumentPath = "/swagger/doc.json";
    private const string Document30Path = "/swagger/doc-3.0.json";
    private const string ScalarPath = "/scalar";

    /// <summary>Holds browsers to what the page of Scalar says of itself: it loads nothing from other hosts.</summary>
    private const string ScalarContentPolicy =
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:";

    public static void AddApiDocument(this IServiceCollection services) =>
        services.AddOpenApi(DocumentName, options =>
        {
            options.AddSchemaTransformer(Schemas.Shape);
            options.AddOperationTransformer(Operations.Shape);
            options.AddDocumentTransformer((document, _, _) =>
            {
                ApiDocument.Shape(document);
                return Task.CompletedTask;
            });
        });

    /// <summary>The document, in OpenAPI 3.1 and 3.0, and Swagger UI below <c>/swagger</c>; Scalar at <c>/scalar</c>.</summary>
    public static void UseApiDocument(this WebApplication app)
    {
        MapDocument(DocumentPath, OpenApiSpecVersion.OpenApi3_1);
        MapDocument(Document30Path, OpenApiSpecVersion.OpenApi3_0); // for generators that cannot read 3.1
        app.UseSwaggerUI(page =>
        {
            page.RoutePrefix = "swagger";
            page.DocumentTitle = ApiDocument.Title;
            page.SwaggerEndpoint($"..{DocumentPath}", ApiDocument.Title); // seen from the page, whatever path a proxy puts before it
        });
        app.MapScalarApiReference(ScalarPath, Configure).AddEndpointFilter(ServeScalar).AllowAnonymous();

        void MapDocument(string path, OpenApiSpecVersion version) => app.MapGet(
            path,
            async ([FromKeyedServices(DocumentName)] IOpenApiDocumentProvider provider, HttpRequest request, CancellationToken ct) =>
            {
                var document = await provider.GetOpenApiDocumentAsync(ct);
                ApiDocument.Place(document, request.PathBase.ToUriComponent());
                return TypedResults.Text(await document.SerializeAsJsonAsync(version, ct), "application/json; charset=utf-8");
            }).ExcludeFromDescription().AllowAnonymous();
    }

    private static void Configure(ScalarOptions page, HttpContext context) => page
        .WithTitle(ApiDocument.Title)
        .WithOpenApiRoutePattern(DocumentPath)
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
}
