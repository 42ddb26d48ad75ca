using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.OpenApi;

namespace Pandora.Core.Rest;

/// <summary>How the OpenAPI document describes what is sent, told by the readers themselves.</summary>
internal static class InputSchemas
{
    public static OpenApiSchema Text(int? min = null, int? max = null) =>
        new() { Type = JsonSchemaType.String, MinLength = min, MaxLength = max };

    public static OpenApiSchema OneOf(IReadOnlyList<string> words) =>
        new() { Type = JsonSchemaType.String, Enum = [.. words.Select(word => (JsonNode)word)] };

    public static OpenApiSchema RecordId() => new() { Type = JsonSchemaType.Integer, Format = "int32", Minimum = "1" };

    public static OpenApiSchema Uuid() => new() { Type = JsonSchemaType.String, Format = "uuid" };

    public static OpenApiSchema Number(long min, long max) => new()
    {
        Type = JsonSchemaType.Integer,
        Format = max > int.MaxValue ? "int64" : "int32",
        Minimum = min.ToString(CultureInfo.InvariantCulture),
        Maximum = max.ToString(CultureInfo.InvariantCulture),
    };

    public static OpenApiSchema Flag() => new() { Type = JsonSchemaType.Boolean };

    public static OpenApiSchema Instant() => new() { Type = JsonSchemaType.String, Format = "date-time" };

    public static OpenApiSchema InstantOrDate() => new()
    {
        Type = JsonSchemaType.String,
        Description = "A timestamp, or a date (YYYY-MM-DD), which means its first moment in UTC.",
        AnyOf = [new OpenApiSchema { Format = "date-time" }, new OpenApiSchema { Format = "date" }],
    };

    public static OpenApiSchema ArrayOf(OpenApiSchema items) => new() { Type = JsonSchemaType.Array, Items = items };
}
