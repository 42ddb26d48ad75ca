using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Pandora.Core.Errors;

namespace Pandora.Core.Rest;

/// <summary>
/// Turns a query or a form into the JSON object it stands for, so that one set of rules reads all. A name given twice
/// becomes a property given twice, which is refused.
/// </summary>
internal static class TextsAsJson
{
    private const string UrlEncoded = "application/x-www-form-urlencoded";
    private const string Multipart = "multipart/form-data";

    private static readonly FormOptions Limits = new()
    {
        MultipartBodyLengthLimit = RequestBytes.Limit,
        MultipartBoundaryLengthLimit = 70, // RFC 2046
    };

    /// <summary>
    /// Unlike the framework's collections it tells names that differ in letter case apart, and does not take bytes that are
    /// no UTF-8 for a text.
    /// </summary>
    /// <param name="query">Or a form that is written like one.</param>
    public static ReadOnlyMemory<byte> Convert(string query)
    {
        var texts = new List<(string? Name, string? Text)>();
        foreach (var pair in new QueryStringEnumerable(query))
        {
            texts.Add((Decode(pair.EncodedName.Span), Decode(pair.EncodedValue.Span)));
        }
        return Write(texts);
    }

    /// <param name="body">All of the body of <paramref name="request"/>. Without a Content-Type it is JSON already.</param>
    /// <returns>JSON, or why the body cannot be read.</returns>
    public static async Task<(ReadOnlyMemory<byte> Json, Error? Fault)> ConvertAsync(HttpRequest request, ReadOnlyMemory<byte> body)
    {
        _ = MediaTypeHeaderValue.TryParse(request.ContentType, out var type);
        switch (type?.MediaType.Value?.ToLowerInvariant())
        {
            case null when string.IsNullOrWhiteSpace(request.ContentType):
            case "application/json":
                return (body, null);
            case UrlEncoded:
                return Utf8.IsValid(body.Span)
                    ? (Convert(Encoding.UTF8.GetString(body.Span)), null)
                    : (default, Error.Body("The body is not valid UTF-8."));
            case Multipart:
                return await ReadMultipartAsync(request, body);
            default:
                return (default, Error.Body($"The body must be JSON or a form: application/json, {UrlEncoded} or {Multipart}."));
        }
    }

    private static async Task<(ReadOnlyMemory<byte> Json, Error? Fault)> ReadMultipartAsync(HttpRequest request, ReadOnlyMemory<byte> body)
    {
        request.Body = new MemoryStream(body.ToArray());
        try
        {
            var form = await request.ReadFormAsync(Limits, request.HttpContext.RequestAborted);
            // What is no UTF-8 arrives as U+FFFD; so does U+FFFD itself, which is fine.
            var texts =
                from field in form
                from text in field.Value
                select ((string?)field.Key, text.Contains('\uFFFD') && !Utf8.IsValid(body.Span) ? null : text);
            return (Write(texts), null);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or NotSupportedException) // of an encoding, such as UTF-7
        {
            return (default, Error.Body("The body is not a form as its Content-Type says."));
        }
    }

    /// <summary>Null: no valid UTF-8.</summary>
    private static string? Decode(ReadOnlySpan<char> encoded)
    {
        var utf8 = new byte[Encoding.UTF8.GetMaxByteCount(encoded.Length)];
        var length = Encoding.UTF8.GetBytes(encoded, utf8);
        var bytes = WebUtility.UrlDecodeToBytes(utf8, 0, length);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;
    }

    /// <param name="texts">Null is no valid UTF-8: as a name it is none of ours, as a text it becomes what no reader takes for one.</param>
    private static ReadOnlyMemory<byte> Write(IEnumerable<(string? Name, string? Text)> texts)
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
