using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pandora.Core.Rest;

/// <summary>The members of a closed set as the wire spells them: snake_case, exact letter case.</summary>
internal static class Words<TEnum>
    where TEnum : struct, Enum
{
    private static readonly FrozenDictionary<string, TEnum> Members = Enum.GetValues<TEnum>().ToFrozenDictionary(Of);

    public static IReadOnlyList<string> All { get; } = [.. Enum.GetValues<TEnum>().Select(Of)];

    /// <summary>All words, for messages.</summary>
    public static string Listed { get; } = string.Join(", ", All);

    public static bool TryParse(string word, out TEnum member) => Members.TryGetValue(word, out member);

    public static string Of(TEnum member) => JsonNamingPolicy.SnakeCaseLower.ConvertName(member.ToString());
}

/// <summary>The members of a closed set that the wire spells in UPPER_SNAKE. A member "None" is the empty text.</summary>
internal static class UpperWords<TEnum>
    where TEnum : struct, Enum
{
    private static readonly FrozenDictionary<string, TEnum> Members = Enum.GetValues<TEnum>().ToFrozenDictionary(Of);

    public static IReadOnlyList<string> All { get; } = [.. Enum.GetValues<TEnum>().Select(Of)];

    public static bool TryParse(string word, out TEnum member) => Members.TryGetValue(word, out member);

    public static string Of(TEnum member) =>
        member.ToString() is var name && name == "None" ? "" : JsonNamingPolicy.SnakeCaseUpper.ConvertName(name);
}

/// <summary>A converter that tells the OpenAPI document the words it writes.</summary>
internal interface IWritesWords
{
    IReadOnlyList<string> Words { get; }
}

/// <summary>Writes a property in <see cref="UpperWords{TEnum}"/>; the others are written in <see cref="Words{TEnum}"/>.</summary>
internal sealed class UpperWordConverter<TEnum> : JsonConverter<TEnum>, IWritesWords
    where TEnum : struct, Enum
{
    public IReadOnlyList<string> Words => UpperWords<TEnum>.All;

    public override TEnum Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        UpperWords<TEnum>.TryParse(reader.GetString() ?? "", out var member) ? member : throw new JsonException();

    public override void Write(Utf8JsonWriter writer, TEnum value, JsonSerializerOptions options) =>
        writer.WriteStringValue(UpperWords<TEnum>.Of(value));
}
