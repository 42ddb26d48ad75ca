using System.Reflection;
using Microsoft.AspNetCore.Http.Metadata;
using Pandora.Core.Errors;
using Pandora.Core.Gate;
using Pandora.Core.Rest;

namespace Pandora.Core.Requests;

/// <summary>A UUID in the path, in any of its usual spellings.</summary>
/// <param name="Text">As it was written.</param>
internal sealed record PathUuid(Guid Value, string Text, Error? Fault)
    : IRequestInput, IBindableFromHttpContext<PathUuid>, IEndpointParameterMetadataProvider
{
    /// <summary>The 404 for a path that addresses a record that does not exist.</summary>
    public Error NotFound(string entity) => Error.NotFound(entity, ("id", Text));

    public static ValueTask<PathUuid?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var name = PathId.RouteName(parameter);
        var text = context.Request.RouteValues[name] as string ?? "";
        var path = UuidText.TryRead(text, out var value)
            ? new PathUuid(value, text, null)
            : new PathUuid(default, text, new(ErrorCode.ValidationFailed, $"{name} in the path must be a UUID.", "path", Loc: name));
        return ValueTask.FromResult<PathUuid?>(path);
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new PathMetadata(PathId.RouteName(parameter), IsUuid: true));
}
