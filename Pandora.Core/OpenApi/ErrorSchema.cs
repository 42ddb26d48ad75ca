using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Pandora.Core.Errors;

namespace Pandora.Core.OpenApi;

/// <summary>The shape of every error object.</summary>
internal static class ErrorSchema
{
    public const string Name = "Error";

    public static OpenApiSchema Create(OpenApiDocument document) => new()
    {
        Type = JsonSchemaType.Object,
        Description = "Why a call was refused. Optional members are left out when empty.",
        Required = new HashSet<string> { "code", "message" },
        Properties = new Dictionary<string, IOpenApiSchema>
        {
            ["code"] = new OpenApiSchema
            {
                Type = JsonSchemaType.String,
                Enum = [.. Enum.GetValues<ErrorCode>().Select(code => (JsonNode)ErrorResponses.NameOf(code))],
            },
            ["message"] = Text("For people; its wording is no promise."),
            ["entity"] = Text("The record type, or the input whose field is at fault."),
            ["identifiers"] = new OpenApiSchema
            {
                Type = JsonSchemaType.Object,
                Description = "What identifies the record.",
                AdditionalProperties = new OpenApiSchema
                {
                    AnyOf = [new OpenApiSchema { Type = JsonSchemaType.String }, new OpenApiSchema { Type = JsonSchemaType.Integer }],
                },
            },
            ["loc"] = Text("Path of the faulty input, such as services[0].id."),
            ["errors"] = new OpenApiSchema
            {
                Type = JsonSchemaType.Array,
                Description = "The errors that AGGREGATE_ERRORS puts together; never aggregates themselves.",
                Items = new OpenApiSchemaReference(Name, document),
            },
        },
    };

    private static OpenApiSchema Text(string description) => new() { Type = JsonSchemaType.String, Description = description };
}
