using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Pandora.Core.Rest;

/// <summary>
/// A value of a JSON text that was read to its end and found well-formed. It is its bytes, and is read again when something
/// of it is wanted: a document of objects would cost many times the text, most of it for what nobody asks for.
/// </summary>
/// <param name="Utf8">The value without white space around it.</param>
/// <param name="Kind">Its first token.</param>
internal readonly record struct JsonValue(ReadOnlyMemory<byte> Utf8, JsonTokenType Kind)
{
    private static readonly JsonReaderOptions Strict = new() { MaxDepth = 64 };

    public static readonly JsonValue EmptyObject = new("{}"u8.ToArray(), JsonTokenType.StartObject);

    /// <summary>Null: the text is not one JSON value.</summary>
    public static JsonValue? Read(ReadOnlyMemory<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8.Span, Strict);
        try
        {
            reader.Read();
            var value = Take(utf8, ref reader);
            return reader.Read() ? null : value;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The value of a property of an object. Null: it has none.</summary>
    /// <param name="name">Lower-case letters, digits and underscores.</param>
    /// <param name="isRepeated">Whether there is another one of that name.</param>
    public JsonValue? Property(string name, out bool isRepeated)
    {
        JsonValue? found = null;
        isRepeated = false;
        var reader = new Utf8JsonReader(Utf8.Span, Strict);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isNamed = IsNamed(reader.ValueSpan, name);
            reader.Read();
            var value = Take(Utf8, ref reader);
            isRepeated |= isNamed && found is not null;
            found ??= isNamed ? value : null;
        }
        return found;
    }

    /// <summary>The elements of an array, in their order.</summary>
    public IEnumerable<JsonValue> Elements()
    {
        var (state, rest) = (new JsonReaderState(Strict), Utf8);
        while (Next(ref state, ref rest) is { } element)
        {
            yield return element;
        }
    }

    /// <summary>The text of a string.</summary>
    /// <exception cref="InvalidOperationException">It holds half a surrogate pair.</exception>
    public string GetString()
    {
        var reader = new Utf8JsonReader(Utf8.Span, Strict);
        reader.Read();
        return reader.GetString()!;
    }

    /// <summary>The value as it was written.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Utf8.Span);

    /// <summary>The value that the reader stands at; afterwards it stands at its end.</summary>
    private static JsonValue Take(ReadOnlyMemory<byte> utf8, ref Utf8JsonReader reader)
    {
        var (start, kind) = ((int)reader.TokenStartIndex, reader.TokenType);
        reader.Skip();
        return new JsonValue(utf8[start..(int)reader.BytesConsumed], kind);
    }

    /// <summary>The next element of an array, of which <paramref name="rest"/> is yet to be read. Null: there is none.</summary>
    private static JsonValue? Next(ref JsonReaderState state, ref ReadOnlyMemory<byte> rest)
    {
        var reader = new Utf8JsonReader(rest.Span, isFinalBlock: true, state);
        reader.Read();
        if (reader.TokenType == JsonTokenType.StartArray && reader.CurrentDepth == 0)
        {
            reader.Read();
        }
        if (reader.TokenType == JsonTokenType.EndArray)
        {
            return null;
        }
        var element = Take(rest, ref reader);
        (state, rest) = (reader.CurrentState, rest[(int)reader.BytesConsumed..]);
        return element;
    }

    /// <summary>
    /// Whether a property has that name, which may be written with escapes. The library's own comparison throws at half a
    /// surrogate pair, and a body may have a hundred thousand of them.
    /// </summary>
    private static bool IsNamed(ReadOnlySpan<byte> written, string name)
    {
        foreach (var character in name)
        {
            if (written.IsEmpty)
            {
                return false;
            }
            if (written[0] != '\\')
            {
                if (written[0] != character)
                {
                    return false;
                }
                written = written[1..];
                continue;
            }
            // The short escapes stand for characters that no name has.
            if (written[1] != 'u'
                || !int.TryParse(written.Slice(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
                || code != character)
            {
                return false;
            }
            written = written[6..];
        }
        return written.IsEmpty;
    }
}
