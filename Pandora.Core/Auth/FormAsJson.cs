using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Pandora.Core.Errors;

namespace Pandora.Core.Auth;

/// <summary>
/// Turns a form into the JSON object it stands for, so that one set of rules reads both. The framework's own form reader is
/// too kind: it mends invalid UTF-8 and accepts what the contract refuses.
/// </summary>
internal static class FormAsJson
{
    private const int LongestBoundary = 70; // RFC 2046

    /// <param name="contentType">Null or "": the body is JSON already.</param>
    /// <param name="names">The fields that are read; others are dropped unseen.</param>
    /// <returns>JSON, or why the body cannot be read.</returns>
    public static async Task<(ReadOnlyMemory<byte> Json, Error? Fault)> ConvertAsync(
        string? contentType, ReadOnlyMemory<byte> body, IReadOnlyList<string> names)
    {
        if (string.IsNullOrWhiteSpace(contentType))
        {
            return (body, null);
        }
        _ = MediaTypeHeaderValue.TryParse(contentType, out var type);
        return type?.MediaType.ToString().ToLowerInvariant() switch
        {
            "application/json" => (body, null),
            "application/x-www-form-urlencoded" => ToJson(ReadUrlEncoded(body.Span), names),
            "multipart/form-data" when HeaderUtilities.RemoveQuotes(type.Boundary) is { Length: > 0 and <= LongestBoundary } boundary =>
                await ReadMultipartAsync(boundary.ToString(), body) is { } fields ? ToJson(fields, names) : Broken(),
            "multipart/form-data" => Broken(),
            _ => (default, Error.Body("The body must be JSON or a form: application/json, application/x-www-form-urlencoded or multipart/form-data.")),
        };
    }

    private static (ReadOnlyMemory<byte> Json, Error? Fault) Broken() =>
        (default, Error.Body("The body is not a form as its Content-Type says."));

    private static (ReadOnlyMemory<byte> Json, Error? Fault) ToJson(List<(string Name, byte[] Value)> fields, IReadOnlyList<string> names)
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            foreach (var (name, value) in fields.Where(field => names.Contains(field.Name)))
            {
                if (!Utf8.IsValid(value))
                {
                    return (default, Error.Body($"{name} is not valid UTF-8.", name));
                }
                // A field given twice becomes a property given twice, which is refused.
                writer.WriteString(name, value);
            }
            writer.WriteEndObject();
        }
        return (json.ToArray(), null);
    }

    private static List<(string Name, byte[] Value)> ReadUrlEncoded(ReadOnlySpan<byte> body)
    {
        var fields = new List<(string, byte[])>();
        foreach (var range in body.Split((byte)'&'))
        {
            var field = body[range];
            var end = field.IndexOf((byte)'=');
            var name = end < 0 ? field : field[..end];
            var value = end < 0 ? [] : field[(end + 1)..];
            fields.Add((Encoding.UTF8.GetString(Decode(name)), Decode(value)));
        }
        return fields;
    }

    private static byte[] Decode(ReadOnlySpan<byte> encoded)
    {
        var decoded = new byte[encoded.Length];
        var length = 0;
        for (var i = 0; i < encoded.Length; i++)
        {
            if (encoded[i] == '%' && i + 2 < encoded.Length
                && byte.TryParse(encoded.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                decoded[length++] = value;
                i += 2;
            }
            else
            {
                decoded[length++] = encoded[i] == '+' ? (byte)' ' : encoded[i];
            }
        }
        return decoded[..length];
    }

    /// <summary>Null: malformed.</summary>
    private static async Task<List<(string Name, byte[] Value)>?> ReadMultipartAsync(string boundary, ReadOnlyMemory<byte> body)
    {
        var fields = new List<(string, byte[])>();
        try
        {
            var reader = new MultipartReader(boundary, new MemoryStream(body.ToArray()));
            while (await reader.ReadNextSectionAsync() is { } section)
            {
                // A file is no field, whatever its name.
                if (section.GetContentDispositionHeader() is { } header && !header.IsFileDisposition())
                {
                    using var value = new MemoryStream();
                    await section.Body.CopyToAsync(value);
                    fields.Add((HeaderUtilities.RemoveQuotes(header.Name).ToString(), value.ToArray()));
                }
            }
            return fields;
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            return null;
        }
    }
}
