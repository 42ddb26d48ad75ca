using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Metadata;
using Pandora.Core.Errors;

namespace Pandora.Core.Rest;

/// <summary>The id of a record as a caller wrote it.</summary>
/// <param name="Value">1..2147483647, or 0: a larger number, which no record has.</param>
/// <param name="Identifier">The number as it is shown in an error, whatever its length.</param>
internal readonly record struct RecordId(int Value, object Identifier)
{
    /// <summary>Reads plain decimal digits with an optional sign. Null: that is not what the text is.</summary>
    public static ParsedId? Parse(ReadOnlySpan<char> text)
    {
        var digits = text is ['+' or '-', ..] ? text[1..] : text;
        if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9'))
        {
            return null;
        }
        digits = digits.TrimStart('0');
        if (digits.IsEmpty || text[0] == '-')
        {
            return new ParsedId(null);
        }
        if (int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return new ParsedId(new RecordId(value, value));
        }
        using var number = JsonDocument.Parse(digits.ToString());
        return new ParsedId(new RecordId(0, number.RootElement.Clone()));
    }
}

/// <param name="Id">Null: an integer below 1.</param>
internal readonly record struct ParsedId(RecordId? Id);

/// <summary>An input of an endpoint that was read before the handler runs.</summary>
internal interface IRequestInput
{
    /// <summary>Why the input cannot be used. Null: it can.</summary>
    Error? Fault { get; }
}

/// <summary>An input from the path; its faults are reported before those of any other input.</summary>
internal interface IPathInput : IRequestInput;

/// <summary>Tells the OpenAPI document what a route parameter holds.</summary>
internal sealed record PathMetadata(string Name, bool IsUuid);

/// <summary>A record id in the path. The route parameter is the handler's parameter in snake_case.</summary>
internal sealed record PathId(RecordId Id, Error? Fault)
    : IPathInput, IBindableFromHttpContext<PathId>, IEndpointParameterMetadataProvider
{
    public int Value => Id.Value;

    /// <summary>The 404 for a path that addresses a record that does not exist.</summary>
    public Error NotFound(string entity) => Error.NotFound(entity, ("id", Id.Identifier));

    public static ValueTask<PathId?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var name = RouteName(parameter);
        var path = RecordId.Parse(context.Request.RouteValues[name] as string) switch
        {
            null => new PathId(default, Invalid(name, "path")),
            { Id: null } => new PathId(default, Invalid(name, null)),
            { Id: { } id } => new PathId(id, null),
        };
        return ValueTask.FromResult<PathId?>(path);
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new PathMetadata(RouteName(parameter), IsUuid: false));

    /// <summary>The route parameter that a handler's parameter is read from.</summary>
    public static string RouteName(ParameterInfo parameter) => JsonNamingPolicy.SnakeCaseLower.ConvertName(parameter.Name!);

    private static Error Invalid(string name, string? entity) =>
        new(ErrorCode.ValidationFailed, $"{name} in the path must be a whole number of at least 1.", entity, Loc: name);
}
