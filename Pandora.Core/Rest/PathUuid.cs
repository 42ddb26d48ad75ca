using System.Buffers;
using System.Reflection;
using Microsoft.AspNetCore.Http.Metadata;
using Pandora.Core.Errors;

namespace Pandora.Core.Rest;

/// <summary>A UUID in the path, in any of its usual spellings.</summary>
/// <param name="Text">As it was written.</param>
internal sealed record PathUuid(Guid Value, string Text, Error? Fault)
    : IPathInput, IBindableFromHttpContext<PathUuid>, IEndpointParameterMetadataProvider
{
    private static readonly SearchValues<char> DigitsAndHyphen = SearchValues.Create("0123456789abcdefABCDEF-");

    /// <summary>The 404 for a path that addresses a record that does not exist.</summary>
    public Error NotFound(string entity) => Error.NotFound(entity, ("id", Text));

    public static ValueTask<PathUuid?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var name = PathId.RouteName(parameter);
        var text = context.Request.RouteValues[name] as string ?? "";
        var path = TryParse(text, out var value)
            ? new PathUuid(value, text, null)
            : new PathUuid(default, text, new(ErrorCode.ValidationFailed, $"{name} in the path must be a UUID.", "path", Loc: name));
        return ValueTask.FromResult<PathUuid?>(path);
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new PathMetadata(PathId.RouteName(parameter), IsUuid: true));

    /// <summary>Reads 32 digits, with or without hyphens at their usual places, with or without braces, in any letter case.</summary>
    private static bool TryParse(ReadOnlySpan<char> text, out Guid value)
    {
        if (text is ['{', .. var inner, '}'])
        {
            text = inner;
        }
        value = default;
        // Guid's own parser also takes blanks around and signs inside; hence the look at each character.
        return !text.ContainsAnyExcept(DigitsAndHyphen)
            && (Guid.TryParseExact(text, "D", out value) || Guid.TryParseExact(text, "N", out value));
    }
}
