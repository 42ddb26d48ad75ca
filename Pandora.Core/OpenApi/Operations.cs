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
            .. metadata.OfType<QueryMetadata>().SelectMany(query => query.Parameters).Select(OfQuery),
        ];
        if (metadata.OfType<RequestBodyMetadata>().FirstOrDefault() is { } body)
        {
            operation.RequestBody = OfBody(body, document);
        }
        AddAccess(operation, metadata.OfType<IAuthorizeData>().LastOrDefault()?.Policy, document);
        AddRefusals(operation, document);
        if (metadata.OfType<QueryMetadata>().Any())
        {
            AddHeader(operation, StatusCodes.Status200OK, HeaderNames.Link, "Leads to the next page, if there is one: <…>; rel=\"next\".");
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
        Schema = path.IsUuid ? Schemas.Uuid() : Schemas.RecordId(),
    };

    private static OpenApiParameter OfQuery(FieldDescription parameter) => new()
    {
        Name = parameter.Name,
        In = ParameterLocation.Query,
        Required = parameter.Required,
        Schema = Schemas.OfField(parameter),
    };

    private static OpenApiRequestBody OfBody(RequestBodyMetadata body, OpenApiDocument document)
    {
        document.AddComponent(body.Name, Schemas.OfObject(body.Fields));
        string[] kinds = body.AlsoForm ? [Json, "application/x-www-form-urlencoded", "multipart/form-data"] : [Json];
        return new OpenApiRequestBody
        {
            Required = body.Required,
            Content = kinds.ToDictionary(
                kind => kind,
                _ => new OpenApiMediaType { Schema = new OpenApiSchemaReference(body.Name, document) }),
        };
    }

    private static void AddAccess(OpenApiOperation operation, string? policy, OpenApiDocument document)
    {
        if (policy is null)
        {
            return;
        }
        var scheme = policy == Policies.Reveal ? ApiDocument.ScopedScheme : ApiDocument.PasswordScheme;
        operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(scheme, document)] = [] }];
        Declare(operation, StatusCodes.Status401Unauthorized);
        Declare(operation, StatusCodes.Status403Forbidden);
    }

    private static void AddRefusals(OpenApiOperation operation, OpenApiDocument document)
    {
        Declare(operation, StatusCodes.Status500InternalServerError);
        Declare(operation, StatusCodes.Status503ServiceUnavailable);
        foreach (var (status, response) in operation.Responses!.Where(response => response.Key[0] is '4' or '5'))
        {
            if (response is OpenApiResponse { Content: null or { Count: 0 } } refusal)
            {
                refusal.Content = new Dictionary<string, OpenApiMediaType>
                {
                    [Json] = new OpenApiMediaType { Schema = new OpenApiSchemaReference(ErrorSchema.Name, document) },
                };
                AddRetryAfter(operation, status);
            }
        }
        if (operation.Responses!.ContainsKey("401"))
        {
            AddHeader(operation, StatusCodes.Status401Unauthorized, HeaderNames.WWWAuthenticate, "Bearer, and whether the token was refused.");
        }
        operation.Responses = Sorted(operation.Responses!);
    }

    private static void AddRetryAfter(OpenApiOperation operation, string status)
    {
        if (status is "429" or "503")
        {
            AddHeader(operation, int.Parse(status, CultureInfo.InvariantCulture), HeaderNames.RetryAfter, "Whole seconds, at least 1.");
        }
    }

    private static OpenApiResponses Sorted(OpenApiResponses responses)
    {
        var sorted = new OpenApiResponses();
        foreach (var (status, response) in responses.OrderBy(response => response.Key, StringComparer.Ordinal))
        {
            sorted[status] = response;
        }
        return sorted;
    }

    private static void Declare(OpenApiOperation operation, int status)
    {
        operation.Responses ??= [];
        operation.Responses.TryAdd(
            status.ToString(CultureInfo.InvariantCulture),
            new OpenApiResponse { Description = ReasonPhrases.GetReasonPhrase(status) });
    }

    private static void AddHeader(OpenApiOperation operation, int status, string name, string description)
    {
        if (operation.Responses?[status.ToString(CultureInfo.InvariantCulture)] is OpenApiResponse response)
        {
            response.Headers ??= new Dictionary<string, IOpenApiHeader>();
            response.Headers[name] = new OpenApiHeader
            {
                Description = description,
                Schema = new OpenApiSchema { Type = name == HeaderNames.RetryAfter ? JsonSchemaType.Integer : JsonSchemaType.String },
            };
        }
    }
}
