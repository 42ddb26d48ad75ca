using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Pandora.Core.Rest;

namespace Pandora.Core.OpenApi;

/// <summary>Schemas of what is answered, corrected where the generator cannot know.</summary>
internal static class Schemas
{
    /// <summary>Every property is always there; timestamps and closed sets are texts.</summary>
    public static Task Shape(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken ct)
    {
        var type = Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type;
        if (context.JsonPropertyInfo?.CustomConverter is IWritesWords writer)
        {
            schema.Enum = [.. writer.Words.Select(word => (JsonNode)word)];
        }
        if (type.IsEnum)
        {
            schema.Type = JsonSchemaType.String;
        }
        else if (type == typeof(DateTimeOffset))
        {
            schema.Format = "date-time";
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
}
