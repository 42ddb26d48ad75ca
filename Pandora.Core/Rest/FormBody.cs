using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Unicode;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Pandora.Core.Errors;

namespace Pandora.Core.Rest;

/// <summary>
/// Reads a body that may be JSON or a form, and turns a form into the JSON object that it stands for. Of a form only the
/// fields that are read are kept, and of each no more than could be right, whatever else is sent.
/// </summary>
internal static class FormBody
{
    private const string Json = "application/json";
    private const string UrlEncoded = "application/x-www-form-urlencoded";
    private const string Multipart = "multipart/form-data";
    private const int LongestBoundary = 70; // RFC 2046

    private const int MostFields = 1000;

    /// <summary>The second field of a name is a fault already.</summary>
    private const int MostOfOneName = 2;

    /// <param name="wanted">The names of the fields that are read.</param>
    /// <returns>JSON, or why the body cannot be read. Without a Content-Type it is JSON already.</returns>
    public static async Task<(ReadOnlyMemory<byte> Json, Error? Fault)> ReadAsync(HttpRequest request, string[] wanted)
    {
        _ = MediaTypeHeaderValue.TryParse(request.ContentType, out var type);
        switch (type?.MediaType.Value?.ToLowerInvariant())
        {
            case null when string.IsNullOrWhiteSpace(request.ContentType):
            case Json:
                return await RequestBytes.ReadAsync(request);
            case UrlEncoded:
                var form = new UrlEncodedForm(wanted);
                var fault = await RequestBytes.PassAsync(request, form.Add);
                form.EndField();
                fault ??= form.HasTooMany ? TooManyFields() : null;
                return (fault is null ? TextsAsJson.Write(form.Texts) : default, fault);
            case Multipart:
                return await ReadMultipartAsync(request, type!, wanted);
            default:
                return (default, await RequestBytes.PassAsync(request, _ => { })
                    ?? Error.Body($"The body must be JSON or a form: {Json}, {UrlEncoded} and {Multipart}."));
        }
    }

    private static async Task<(ReadOnlyMemory<byte> Json, Error? Fault)> ReadMultipartAsync(
        HttpRequest request, MediaTypeHeaderValue type, string[] wanted)
    {
        var (bytes, fault) = await RequestBytes.ReadAsync(request);
        if (fault is not null)
        {
            return (default, fault);
        }
        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary);
        if (boundary.Length is 0 or > LongestBoundary)
        {
            return (default, NotAsItSays());
        }
        List<(string? Name, string? Text)> texts = [];
        try
        {
            using var body = new MemoryStream(bytes, writable: false);
            var parts = new MultipartReader(boundary.ToString(), body);
            for (var count = 1; await parts.ReadNextSectionAsync(request.HttpContext.RequestAborted) is { } part; count++)
            {
                if (count > MostFields)
                {
                    return (default, TooManyFields());
                }
                if (!IsInUtf8(part) || part.GetContentDispositionHeader() is not { } disposition)
                {
                    return (default, NotAsItSays());
                }
                var name = HeaderUtilities.RemoveQuotes(disposition.Name).ToString();
                if (disposition.IsFormDisposition() && IsMissed(texts, wanted, name))
                {
                    using var value = new MemoryStream();
                    await part.Body.CopyToAsync(value, request.HttpContext.RequestAborted);
                    texts.Add((name, TextOf(value.GetBuffer().AsSpan(0, (int)value.Length))));
                }
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            return (default, NotAsItSays());
        }
        return (TextsAsJson.Write(texts), null);
    }

    private static Error TooManyFields() => Error.Body($"The form has more than {MostFields} fields.");

    private static Error NotAsItSays() => Error.Body("The body is not a form as its Content-Type says.");

    private static bool IsInUtf8(MultipartSection part) =>
        !MediaTypeHeaderValue.TryParse(part.ContentType, out var type)
        || HeaderUtilities.RemoveQuotes(type.Charset).ToString().ToLowerInvariant() is "" or "utf-8" or "us-ascii";

    /// <summary>Whether a field of that name is to be kept.</summary>
    private static bool IsMissed(List<(string? Name, string? Text)> texts, string[] wanted, string name)
    {
        var found = 0;
        foreach (var (known, _) in texts)
        {
            found += known == name ? 1 : 0;
        }
        return found < MostOfOneName && wanted.Contains(name);
    }

    /// <summary>Null: no valid UTF-8.</summary>
    private static string? TextOf(ReadOnlySpan<byte> utf8) => Utf8.IsValid(utf8) ? Encoding.UTF8.GetString(utf8) : null;

    /// <summary>A form that comes in pieces: <c>name=text&amp;name=text</c>.</summary>
    private sealed class UrlEncodedForm(string[] wanted)
    {
        /// <summary>In bytes, as it is sent; a login needs a tenth of it.</summary>
        private const int LongestField = 16_384;

        private readonly byte[] _field = new byte[LongestField];
        private int _length;
        private int _fields;

        public List<(string? Name, string? Text)> Texts { get; } = [];

        /// <summary>Whether it has more fields than any form may have; nothing more of it is looked at.</summary>
        public bool HasTooMany => _fields > MostFields;

        public void Add(ReadOnlySequence<byte> piece)
        {
            foreach (var memory in piece)
            {
                var rest = memory.Span;
                for (int end; !HasTooMany && (end = rest.IndexOf((byte)'&')) >= 0; rest = rest[(end + 1)..])
                {
                    Keep(rest[..end]);
                    EndField();
                }
                Keep(rest);
            }
        }

        public void EndField()
        {
            _fields++;
            var sent = _length;
            var field = _field.AsSpan(0, Math.Min(sent, LongestField));
            _length = 0;
            var equals = field.IndexOf((byte)'=');
            if (NameIn(equals < 0 ? field : field[..equals]) is not { } name || !IsMissed(Texts, wanted, name))
            {
                return;
            }
            // Nothing that long is right, so that any text as long will do for it.
            var text = equals < 0 ? ""
                : sent > LongestField ? new string('?', LongestField)
                : TextOf(WebUtility.UrlDecodeToBytes(_field, equals + 1, sent - equals - 1));
            Texts.Add((name, text));
        }

        private void Keep(ReadOnlySpan<byte> bytes)
        {
            if (_length < LongestField)
            {
                bytes[..Math.Min(bytes.Length, LongestField - _length)].CopyTo(_field.AsSpan(_length));
            }
            _length += bytes.Length;
        }

        /// <summary>Which of the wanted names it is; there may be a hundred thousand that are none.</summary>
        private string? NameIn(ReadOnlySpan<byte> written)
        {
            foreach (var name in wanted)
            {
                if (IsNamed(written, name))
                {
                    return name;
                }
            }
            return null;
        }

        private static bool IsNamed(ReadOnlySpan<byte> written, string name)
        {
            foreach (var character in name)
            {
                var (code, length) = written switch
                {
                    [(byte)'%', _, _, ..] when byte.TryParse(written.Slice(1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var escaped) =>
                        (escaped, 3),
                    [var plain, ..] => (plain, 1),
                    [] => ((byte)0, 0),
                };
                if (code != character)
                {
                    return false;
                }
                written = written[length..];
            }
            return written.IsEmpty;
        }
    }
}
