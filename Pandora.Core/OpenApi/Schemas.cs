using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Pandora.Core.Rest;

namespace Pandora.Core.OpenApi;

/// <summary>Schemas of what is answered, corrected where the generator cannot know, and of what is sent.</summary>
internal static class Schemas
{
    private const string DateTimeFormat = "date-time";

    /// <summary>Views: every property is always there; timestamps and closed sets are texts.</summary>
    public static Task Shape(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken ct)
    {
        var type = Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type;
        if (context.JsonPropertyInfo?.CustomConverter is IWritesWords writer)
        {
            SetWords(schema, writer.Words);
        }
        else if (type.IsEnum)
        {
            // Written by the policy of the product, whatever the name in the code is.
            SetWords(schema, [.. Enum.GetNames(type).Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)]);
        }
        else if (type == typeof(DateTimeOffset))
        {
            schema.Format = DateTimeFormat;
            schema.Type = JsonSchemaType.String | (context.JsonTypeInfo.Type == type ? default : JsonSchemaType.Null);
        }
        else if (schema.Properties is { Count: > 0 } properties)
        {
            schema.Required = properties.Keys.ToHashSet();
        }
        if (context.JsonPropertyInfo is { IsGetNullable: false })
        {
            schema.Type &= ~JsonSchemaType.Null;
        }
        return Task.CompletedTask;
    }

    /// <summary>An object that is sent.</summary>
    public static OpenApiSchema OfObject(IReadOnlyList<FieldDescription> fields) => new()
    {
        Type = JsonSchemaType.Object,
        Properties = fields.ToDictionary(field => field.Name, field => (IOpenApiSchema)OfField(field)),
        Required = fields.Where(field => field.Required).Select(field => field.Name).ToHashSet(),
    };

    /// <summary>A property or parameter that is sent.</summary>
    public static OpenApiSchema OfField(FieldDescription field)
    {
        var schema = field.Kind switch
        {
            FieldKind.Word => SetWords(new OpenApiSchema(), field.Words),
            FieldKind.RecordId => RecordId(),
            FieldKind.Number => new OpenApiSchema
            {
                Type = JsonSchemaType.Integer,
                Format = field.Max > int.MaxValue ? "int64" : "int32",
                Minimum = field.Min.ToString(CultureInfo.InvariantCulture),
                Maximum = field.Max.ToString(CultureInfo.InvariantCulture),
            },
            FieldKind.Flag => new OpenApiSchema { Type = JsonSchemaType.Boolean },
            FieldKind.Instant => new OpenApiSchema { Type = JsonSchemaType.String, Format = DateTimeFormat },
            FieldKind.InstantOrDate => new OpenApiSchema
            {
                Type = JsonSchemaType.String,
                Description = "A timestamp, or a date (YYYY-MM-DD), which means its first moment in UTC.",
                AnyOf = [new OpenApiSchema { Format = DateTimeFormat }, new OpenApiSchema { Format = "date" }],
            },
            FieldKind.Objects => new OpenApiSchema { Type = JsonSchemaType.Array, Items = OfObject(field.Items) },
            _ => new OpenApiSchema
            {
                Type = JsonSchemaType.String,
                MinLength = field.Required || field.MaxLength is not null ? 1 : null,
                MaxLength = field.MaxLength,
            },
        };
        schema.Type |= field.Nullable ? JsonSchemaType.Null : default;
        return schema;
    }

    public static OpenApiSchema RecordId() => new() { Type = JsonSchemaType.Integer, Format = "int32", Minimum = "1" };

    public static OpenApiSchema Uuid() => new() { Type = JsonSchemaType.String, Format = "uuid" };

    private static OpenApiSchema SetWords(OpenApiSchema schema, IReadOnlyList<string> words)
    {
        schema.Type = JsonSchemaType.String;
        schema.Enum = [.. words.Select(word => (JsonNode)word)];
        return schema;
    }
}
