using System.Text.Json;
using System.Text.Json.Serialization;
using Pandora.Core.Errors;

namespace Pandora.Core.Rest;

/// <summary>A converter that tells the OpenAPI document the words it writes.</summary>
internal interface IWritesWords
{
    IReadOnlyList<string> Words { get; }
}

/// <summary>Writes a property in UPPER_SNAKE; the others are written in snake_case.</summary>
internal sealed class UpperWordConverter<TEnum> : JsonConverter<TEnum>, IWritesWords
    where TEnum : struct, Enum
{
    public IReadOnlyList<string> Words => EnumWords<TEnum>.Upper.All;

    public override TEnum Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        EnumWords<TEnum>.Upper.TryParse(reader.GetString() ?? "", out var member) ? member : throw new JsonException();

    public override void Write(Utf8JsonWriter writer, TEnum value, JsonSerializerOptions options) =>
        writer.WriteStringValue(EnumWords<TEnum>.Upper[value]);
}
