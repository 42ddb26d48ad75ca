using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Pandora.Core.Keys;

namespace Pandora.Core.Gate.Redaction;

/// <summary>
/// Headers as JSON: members of objects at any depth; lists of pairs, as <c>{"name":"Authorization","value":"s"}</c> or as
/// <c>["Authorization","s"]</c>; and texts that hold headers themselves.
/// </summary>
internal sealed class HeaderJson
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>What members are called that hold the name of a header, and those that hold its value.</summary>
    private static readonly HashSet<string> NameMembers = new(StringComparer.OrdinalIgnoreCase)
    {
        "name", "key", "header", "headerName", "header_name", "header-name", "field", "fieldName", "field_name", "field-name",
        "k", "n", "h", "id", "label", "title", "property", "attribute", "parameter",
    };

    private static readonly HashSet<string> ValueMembers = new(StringComparer.OrdinalIgnoreCase)
    {
        "value", "values", "val", "v", "content", "data", "text", "headerValue", "header_value", "header-value",
    };

    /// <summary>Headers whose values are names of headers.</summary>
    private static readonly HashSet<string> ListsOfNames = new(StringComparer.OrdinalIgnoreCase)
    {
        "Vary", "Connection", "Trailer", "TE",
        "Access-Control-Allow-Headers", "Access-Control-Expose-Headers", "Access-Control-Request-Headers",
    };

    private readonly Utf8JsonWriter _writer;
    private readonly int _depth;
    private bool _isChanged;
    private bool _isUnclear;

    private HeaderJson(Utf8JsonWriter writer, int depth) => (_writer, _depth) = (writer, depth);

    /// <param name="depth">Of how many other texts this is part.</param>
    /// <param name="redacted">Null: there is nothing to redact.</param>
    /// <returns>False: it is no JSON, or cannot be read to its end.</returns>
    public static bool TryRedact(ReadOnlyMemory<char> text, int depth, out string? redacted)
    {
        redacted = null;
        try
        {
            using var document = JsonDocument.Parse(text.Trim(HeaderLines.Blanks));
            var buffer = new ArrayBufferWriter<byte>(text.Length);
            using var writer = new Utf8JsonWriter(buffer, Readable);
            var redaction = new HeaderJson(writer, depth);
            redaction.Write(document.RootElement);
            writer.Flush();
            redacted = redaction._isChanged ? Encoding.UTF8.GetString(buffer.WrittenSpan) : null;
            return !redaction._isUnclear;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return false; // half a surrogate pair is no JSON either
        }
    }

    /// <summary>Whether a member or a field of this name usually holds the name of something else.</summary>
    public static bool IsForNames(string member) => NameMembers.Contains(member);

    private void Write(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                WriteObject(value);
                break;
            case JsonValueKind.Array:
                WriteArray(value);
                break;
            case JsonValueKind.String when HeaderRedaction.Redact(value.GetString().AsMemory(), _depth + 1) is { } redacted:
                _writer.WriteStringValue(redacted);
                _isChanged = true;
                break;
            default:
                WriteAsIs(value);
                break;
        }
    }

    private void WriteObject(JsonElement value)
    {
        var members = value.EnumerateObject().Select(member => new Member(member.Name, member.Value)).ToList();
        var holdsValue = members.Exists(member => ValueMembers.Contains(member.Name));
        var isOfCredential = members.Exists(member => HoldsName(member, holdsValue));
        _writer.WriteStartObject();
        foreach (var member in members)
        {
            _writer.WritePropertyName(member.Name);
            _isUnclear |= HeaderRedaction.Redact(member.Name.AsMemory(), _depth + 1) is not null; // a header as a name
            if (IsCredential(member.Name) || (isOfCredential && IsContent(member.Value) && !HoldsName(member, holdsValue)))
            {
                WriteMask();
            }
            else if (ListsOfNames.Contains(member.Name) && IsListOfTexts(member.Value))
            {
                WriteAsIs(member.Value);
            }
            else
            {
                Write(member.Value);
            }
        }
        _writer.WriteEndObject();
    }

    /// <summary>Of pairs one behind the other the next element is the value; else all that follow are.</summary>
    private void WriteArray(JsonElement value)
    {
        var elements = value.EnumerateArray().ToList();
        var arePairs = elements.Count % 2 == 0 && elements.TrueForAll(element => element.ValueKind == JsonValueKind.String);
        var isValue = false;
        _writer.WriteStartArray();
        foreach (var element in elements)
        {
            if (isValue && IsContent(element))
            {
                WriteMask();
                isValue = !arePairs;
                continue;
            }
            Write(element);
            isValue |= IsNameOfCredential(element);
        }
        _writer.WriteEndArray();
    }

    private void WriteMask()
    {
        _writer.WriteStringValue(HeaderRedaction.Mask);
        _isChanged = true;
    }

    private void WriteAsIs(JsonElement value) => _writer.WriteRawValue(value.GetRawText(), skipInputValidation: true);

    /// <summary>Whether it names a credential of which another member of the same object is the value.</summary>
    private static bool HoldsName(Member member, bool holdsValue) =>
        (NameMembers.Contains(member.Name)
            || (holdsValue && !ValueMembers.Contains(member.Name) && !ListsOfNames.Contains(member.Name)))
        && IsNameOfCredential(member.Value);

    private static bool IsNameOfCredential(JsonElement value) =>
        value.ValueKind == JsonValueKind.String && value.GetString()!.Trim() is var text && HeaderLines.IsName(text) && IsCredential(text);

    private static bool IsCredential(string name)
    {
        if (CredentialNames.IsOne(name))
        {
            return true;
        }
        using var decoded = DecodedText.Of(name);
        return decoded is not null && CredentialNames.IsOne(decoded.Text);
    }

    private static bool IsContent(JsonElement value) =>
        value.ValueKind is JsonValueKind.String or JsonValueKind.Number or JsonValueKind.Array or JsonValueKind.Object;

    private static bool IsListOfTexts(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(element => element.ValueKind == JsonValueKind.String);

    private readonly record struct Member(string Name, JsonElement Value);
}
