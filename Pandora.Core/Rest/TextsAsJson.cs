using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.WebUtilities;

namespace Pandora.Core.Rest;

/// <summary>
/// Turns a query or a form into the JSON object it stands for, so that one set of rules reads all. A name given twice
/// becomes a property given twice, which is refused.
/// </summary>
internal static class TextsAsJson
{
    /// <summary>
    /// Unlike the framework's collections it tells names that differ in letter case apart, and does not take bytes that are
    /// no UTF-8 for a text.
    /// </summary>
    public static ReadOnlyMemory<byte> Convert(string query)
    {
        var texts = new List<(string? Name, string? Text)>();
        foreach (var pair in new QueryStringEnumerable(query))
        {
            texts.Add((Decode(pair.EncodedName.Span), Decode(pair.EncodedValue.Span)));
        }
        return Write(texts);
    }

    /// <summary>Null: no valid UTF-8.</summary>
    private static string? Decode(ReadOnlySpan<char> encoded)
    {
        var utf8 = new byte[Encoding.UTF8.GetMaxByteCount(encoded.Length)];
        var length = Encoding.UTF8.GetBytes(encoded, utf8);
        var bytes = WebUtility.UrlDecodeToBytes(utf8, 0, length);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;
    }

    /// <param name="texts">In their order. Null is no valid UTF-8: as a name it is none of ours, as a text it becomes what no reader takes for one.</param>
    public static ReadOnlyMemory<byte> Write(IEnumerable<(string? Name, string? Text)> texts)
    {
        var json = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(json);
        writer.WriteStartObject();
        foreach (var (name, text) in texts.Where(pair => pair.Name is not null))
        {
            writer.WritePropertyName(name!);
            if (text is null)
            {
                writer.WriteStartArray();
                writer.WriteEndArray();
            }
            else
            {
                writer.WriteStringValue(text);
            }
        }
        writer.WriteEndObject();
        writer.Flush();
        return json.WrittenMemory;
    }
}
