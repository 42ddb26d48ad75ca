using Microsoft.OpenApi;

namespace Pandora.Core.OpenApi;

/// <summary>What the OpenAPI document says as a whole: title, server, tags, security schemes, and its schemas in order.</summary>
internal static class ApiDocument
{
    public const string Title = "Pandora Core";

    /// <summary>Scheme of all routes but one: the access token, which logging in gives.</summary>
    public const string PasswordScheme = "password";

    /// <summary>Scheme of the route that reveals a key: the scoped token, which reauthenticating gives.</summary>
    public const string ScopedScheme = "scoped";

    private const string Version = "1.0";

    public static void Shape(OpenApiDocument document)
    {
        document.Info = new OpenApiInfo
        {
            Title = Title,
            Version = Version,
            Description = "Issues, validates, logs and meters API keys. Services check keys over gRPC; this is the side of administrators.",
        };
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
                    Password = new OpenApiOAuthFlow { Scopes = new Dictionary<string, string>() },
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

    /// <summary>Says where the API is: a path, so that it is right whatever name the caller knows this server by.</summary>
    /// <param name="prefix">What a proxy has cut off; "" for nothing.</param>
    public static void Place(OpenApiDocument document, string prefix)
    {
        document.Servers = [new OpenApiServer { Url = prefix.Length > 0 ? prefix : "/" }];
        var login = (OpenApiSecurityScheme)document.Components!.SecuritySchemes![PasswordScheme];
        login.Flows!.Password!.TokenUrl = new Uri($"{prefix}/api/v1/auth/login", UriKind.Relative);
    }

    /// <summary>What a type is for. The rest of its comment is for those who read the code.</summary>
    private static string? FirstSentence(string? comment) =>
        comment?.ReplaceLineEndings(" ") is { } text && text.IndexOf(". ", StringComparison.Ordinal) is > 0 and var end
            ? text[..(end + 1)]
            : comment;
}
