using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Metadata;
using Pandora.Core.Errors;

namespace Pandora.Core.Rest;

/// <summary>Tells the OpenAPI document what a route parameter holds.</summary>
internal sealed record PathMetadata(string Name, bool IsUuid);

/// <summary>A record id in the path, before other inputs among the handler's parameters. The route parameter is the handler's parameter in snake_case.</summary>
internal sealed record PathId(RecordId Id, Error? Fault)
    : IRequestInput, IBindableFromHttpContext<PathId>, IEndpointParameterMetadataProvider
{
    public int Value => Id.Value;

    /// <summary>The 404 for a path that addresses a record that does not exist.</summary>
    public Error NotFound(string entity) => Error.NotFound(entity, ("id", Id.Identifier));

    public static ValueTask<PathId?> BindAsync(HttpContext context, ParameterInfo parameter) =>
        ValueTask.FromResult<PathId?>(Read(context, RouteName(parameter)));

    /// <summary>For handlers that are to run even if there is a fault.</summary>
    public static PathId Read(HttpContext context, string name) => RecordId.Parse(context.Request.RouteValues[name] as string) switch
    {
        null => new PathId(default, Invalid(name, "path")),
        { IsBelowOne: true } => new PathId(default, Invalid(name, null)),
        { } id => new PathId(id, null),
    };

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new PathMetadata(RouteName(parameter), IsUuid: false));

    /// <summary>The route parameter that a handler's parameter is read from.</summary>
    public static string RouteName(ParameterInfo parameter) => JsonNamingPolicy.SnakeCaseLower.ConvertName(parameter.Name!);

    private static Error Invalid(string name, string? entity) =>
        new(ErrorCode.ValidationFailed, $"{name} in the path must be a whole number of at least 1.", entity, Loc: name);
}
