using System.Globalization;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Microsoft.OpenApi;
using Pandora.Core.Rest;
using Pandora.Core.Security;

namespace Pandora.Core.OpenApi;

/// <summary>Describes a route from what its inputs and its policy tell of themselves.</summary>
internal static class Operations
{
    private const string Json = "application/json";

    public static Task Shape(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken ct)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        var document = context.Document!;
        operation.OperationId = NameOf(context.Description.HttpMethod!, context.Description.RelativePath!);
        operation.Parameters =
        [
            .. metadata.OfType<PathMetadata>().Select(OfPath),
            .. metadata.OfType<QueryMetadata>().SelectMany(query => query.Schema.Properties!).Select(OfQuery),
        ];
        if (metadata.OfType<RequestBodyMetadata>().FirstOrDefault() is { } body)
        {
            operation.RequestBody = OfBody(body, document);
        }
        var policy = metadata.OfType<IAuthorizeData>().LastOrDefault()?.Policy;
        if (policy is not null)
        {
            var scheme = policy == Policies.Reveal ? ApiDocument.ScopedScheme : ApiDocument.PasswordScheme;
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(scheme, document)] = [] }];
        }
        AddRefusals(operation, policy is null ? ["500", "503"] : ["401", "403", "500", "503"], document);
        if (metadata.OfType<QueryMetadata>().Any() && operation.Responses!["200"] is OpenApiResponse page)
        {
            page.Headers = Header(HeaderNames.Link, JsonSchemaType.String, "Leads to the next page, if there is one: <…>; rel=\"next\".");
        }
        return Task.CompletedTask;
    }

    /// <summary>Method and path as one word, such as <c>get_clients_id_projects</c>.</summary>
    private static string NameOf(string method, string path) =>
        string.Join('_', path.Split('/', StringSplitOptions.RemoveEmptyEntries).Skip(2).Prepend(method.ToLowerInvariant()))
            .Replace("{", "", StringComparison.Ordinal)
            .Replace("}", "", StringComparison.Ordinal)
            .Replace('-', '_');

    private static OpenApiParameter OfPath(PathMetadata path) => new()
    {
        Name = path.Name,
        In = ParameterLocation.Path,
        Required = true,
        Schema = path.IsUuid ? InputSchemas.Uuid() : InputSchemas.RecordId(),
    };

    private static OpenApiParameter OfQuery(KeyValuePair<string, IOpenApiSchema> parameter) => new()
    {
        Name = parameter.Key,
        In = ParameterLocation.Query,
        Schema = parameter.Value,
    };

    private static OpenApiRequestBody OfBody(RequestBodyMetadata body, OpenApiDocument document)
    {
        document.AddComponent(body.Name, body.Schema);
        string[] kinds = body.AlsoForm ? [Json, "application/x-www-form-urlencoded", "multipart/form-data"] : [Json];
        return new OpenApiRequestBody
        {
            Required = body.Required,
            Content = kinds.ToDictionary(
                kind => kind,
                _ => new OpenApiMediaType { Schema = new OpenApiSchemaReference(body.Name, document) }),
        };
    }

    /// <param name="always">Statuses that follow from the kind of route; it declares the others itself.</param>
    private static void AddRefusals(OpenApiOperation operation, string[] always, OpenApiDocument document)
    {
        var declared = operation.Responses!;
        operation.Responses = [];
        foreach (var status in declared.Keys.Union(always).Order(StringComparer.Ordinal))
        {
            var response = declared.GetValueOrDefault(status);
            operation.Responses[status] = status[0] is '2' || response is { Content.Count: > 0 } ? response! : Refusal(status, document);
        }
    }

    private static OpenApiResponse Refusal(string status, OpenApiDocument document) => new()
    {
        Description = ReasonPhrases.GetReasonPhrase(int.Parse(status, CultureInfo.InvariantCulture)),
        Content = new Dictionary<string, OpenApiMediaType>
        {
            [Json] = new OpenApiMediaType { Schema = new OpenApiSchemaReference(ErrorSchema.Name, document) },
        },
        Headers = status switch
        {
            "401" => Header(HeaderNames.WWWAuthenticate, JsonSchemaType.String, "Bearer, and whether the token was refused."),
            "429" or "503" => Header(HeaderNames.RetryAfter, JsonSchemaType.Integer, "Whole seconds, at least 1."),
            _ => null,
        },
    };

    private static Dictionary<string, IOpenApiHeader> Header(string name, JsonSchemaType type, string description) =>
        new() { [name] = new OpenApiHeader { Description = description, Schema = new OpenApiSchema { Type = type } } };
}
