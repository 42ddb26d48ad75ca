using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using Pandora.Core.Errors;
using Pandora.Core.Rest;

namespace Pandora.Core.Auth;

/// <summary>Turns a form into the JSON object it stands for, so that one set of rules reads both.</summary>
internal static class FormAsJson
{
    private const string UrlEncoded = "application/x-www-form-urlencoded";
    private const string Multipart = "multipart/form-data";

    private static readonly FormOptions Limits = new()
    {
        MultipartBodyLengthLimit = RequestBytes.Limit,
        MultipartBoundaryLengthLimit = 70, // RFC 2046
    };

    /// <param name="body">All of the body of <paramref name="request"/>. Without a Content-Type it is JSON already.</param>
    /// <param name="names">The fields that are read; others are dropped unseen, files as well.</param>
    /// <returns>JSON, or why the body cannot be read.</returns>
    public static async Task<(ReadOnlyMemory<byte> Json, Error? Fault)> ConvertAsync(
        HttpRequest request, ReadOnlyMemory<byte> body, IReadOnlyList<string> names)
    {
        _ = MediaTypeHeaderValue.TryParse(request.ContentType, out var type);
        switch (type?.MediaType.Value?.ToLowerInvariant())
        {
            case null when string.IsNullOrWhiteSpace(request.ContentType):
            case "application/json":
                return (body, null);
            case UrlEncoded when Utf8.IsValid(body.Span):
                // As strict as in a query, where the framework's reader leaves escapes alone that are no UTF-8.
                var form = new QueryText(Encoding.UTF8.GetString(body.Span));
                return ToJson(
                    from name in names
                    from value in form.ValuesOf(name)
                    select (name, QueryText.Decode(value.Span)));
            case UrlEncoded:
                return (default, Error.Body("The body is not valid UTF-8."));
            case Multipart:
                return await ReadMultipartAsync(request, body, names);
            default:
                return (default, Error.Body($"The body must be JSON or a form: application/json, {UrlEncoded} or {Multipart}."));
        }
    }

    private static async Task<(ReadOnlyMemory<byte> Json, Error? Fault)> ReadMultipartAsync(
        HttpRequest request, ReadOnlyMemory<byte> body, IReadOnlyList<string> names)
    {
        request.Body = new MemoryStream(body.ToArray());
        try
        {
            var form = await request.ReadFormAsync(Limits, request.HttpContext.RequestAborted);
            // What is no UTF-8 arrives as U+FFFD; so does U+FFFD itself, which is fine.
            return ToJson(
                from field in form
                where names.Contains(field.Key)
                from value in field.Value
                select (field.Key, value.Contains('\uFFFD') && !Utf8.IsValid(body.Span) ? null : value));
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            return (default, Error.Body("The body is not a form as its Content-Type says."));
        }
    }

    /// <param name="fields">A null value is no valid UTF-8.</param>
    private static (ReadOnlyMemory<byte> Json, Error? Fault) ToJson(IEnumerable<(string Name, string? Value)> fields)
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            foreach (var (name, value) in fields)
            {
                if (value is null)
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
}
