using System.Buffers;
using System.Text;
using System.Text.Json;
using Pandora.Core.Settings;

namespace Pandora.Core.Gate;

/// <summary>
/// The texts of a check as the request log keeps them: credentials masked first, then cut to their limits. Made before
/// the check enters a batch, so that long texts cost their own caller and nobody else.
/// </summary>
internal sealed record LoggedTexts(string KeyMask, string ServiceName, string ServiceVersion, string Path, CallMetadata Metadata)
{
    /// <summary>Largest length of each metadata text and of an outcome's detail, in bytes of UTF-8.</summary>
    public const int MaxTextBytes = 16_384;

    private const int MaxServiceCharacters = 255;
    private const int MaxPathCharacters = 8_192;
    private const int MaxContentTypeCharacters = 255;
    private const string CutMark = "...[truncated]";
    private const string Redacted = "[redacted]";

    private static readonly string[] CredentialHeaders =
        ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"];

    private static readonly SearchValues<char> LineEnds = SearchValues.Create("\r\n");

    /// <summary>Of all of them, in characters.</summary>
    public int Length => KeyMask.Length + ServiceName.Length + ServiceVersion.Length + Path.Length + Metadata.Length;

    public static LoggedTexts From(Check check, string keyMask, MetadataLogging kept)
    {
        string Mask(string text) => text.Replace(check.ApiKey, keyMask, StringComparison.Ordinal);
        string Text(string text) => text.Length == 0 ? "" : CutBytes(Mask(text));

        var given = check.Metadata;
        var metadata = kept == MetadataLogging.None || ReferenceEquals(given, CallMetadata.Empty)
            ? CallMetadata.Empty
            : new CallMetadata(
                kept == MetadataLogging.Full ? Text(given.Body) : "",
                kept == MetadataLogging.Full ? Text(given.Cookies) : "",
                Text(RedactHeaders(given.Headers)),
                kept == MetadataLogging.Full ? Text(given.QueryParams) : "",
                CutCharacters(Mask(given.BodyContentType), MaxContentTypeCharacters));
        return new LoggedTexts(
            keyMask,
            CutCharacters(Mask(check.ServiceName), MaxServiceCharacters),
            CutCharacters(Mask(check.ServiceVersion), MaxServiceCharacters),
            CutCharacters(Mask(check.Path), MaxPathCharacters),
            metadata);
    }

    /// <summary>At most <see cref="MaxTextBytes"/> of UTF-8; a longer text ends with a mark that it was cut.</summary>
    public static string CutBytes(string text)
    {
        if (text.Length <= MaxTextBytes / 3 || Encoding.UTF8.GetByteCount(text) <= MaxTextBytes)
        {
            return text;
        }
        var room = MaxTextBytes - CutMark.Length;
        var (length, bytes) = (0, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            if (bytes + rune.Utf8SequenceLength > room)
            {
                break;
            }
            bytes += rune.Utf8SequenceLength;
            length += rune.Utf16SequenceLength;
        }
        return string.Concat(text.AsSpan(0, length), CutMark);
    }

    private static string CutCharacters(string text, int most)
    {
        if (text.Length <= most)
        {
            return text;
        }
        var length = 0;
        foreach (var rune in text.EnumerateRunes().Take(most))
        {
            length += rune.Utf16SequenceLength;
        }
        return text[..length];
    }

    /// <summary>Reads a JSON object, or lines "Name: value"; what looks like JSON but is none is not kept at all.</summary>
    private static string RedactHeaders(string headers) =>
        headers.AsSpan().TrimStart() is ['{' or '[', ..] ? RedactJson(headers) : RedactLines(headers);

    private static string RedactJson(string headers)
    {
        try
        {
            using var document = JsonDocument.Parse(headers);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return Redacted;
            }
            if (!document.RootElement.EnumerateObject().Any(header => IsCredential(header.Name)))
            {
                return headers;
            }
            var buffer = new ArrayBufferWriter<byte>(headers.Length);
            using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
            {
                writer.WriteStartObject();
                foreach (var header in document.RootElement.EnumerateObject())
                {
                    writer.WritePropertyName(header.Name);
                    if (IsCredential(header.Name))
                    {
                        writer.WriteStringValue(Redacted);
                    }
                    else
                    {
                        writer.WriteRawValue(header.Value.GetRawText(), skipInputValidation: true);
                    }
                }
                writer.WriteEndObject();
            }
            return Encoding.UTF8.GetString(buffer.WrittenSpan);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return Redacted;
        }
    }

    private static string RedactLines(string headers)
    {
        StringBuilder? result = null;
        var copied = 0;
        var inCredential = false;
        for (var start = 0; start < headers.Length;)
        {
            var length = headers.AsSpan(start).IndexOfAny(LineEnds);
            var end = length < 0 ? headers.Length : start + length;
            var line = headers.AsSpan(start, end - start);
            var continues = line is [' ' or '\t', ..] && start > 0;
            var colon = line.IndexOf(':');
            inCredential = continues ? inCredential : colon > 0 && IsCredential(line[..colon]);
            if (inCredential)
            {
                result ??= new StringBuilder(headers.Length);
                var kept = continues ? start : start + colon + 1;
                result.Append(headers, copied, kept - copied).Append(' ').Append(Redacted);
                copied = end;
            }
            // Both characters of a line end at once: an empty line between them would end the header.
            start = headers.AsSpan(end).StartsWith("\r\n") ? end + 2 : end + 1;
        }
        return result?.Append(headers, copied, headers.Length - copied).ToString() ?? headers;
    }

    private static bool IsCredential(ReadOnlySpan<char> name)
    {
        name = name.Trim();
        foreach (var header in CredentialHeaders)
        {
            if (name.Equals(header, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }
        return false;
    }
}
