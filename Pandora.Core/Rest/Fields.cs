using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.OpenApi;
using Pandora.Core.Errors;
using Pandora.Core.Keys;
using QuotaRange = Pandora.Core.Quotas.Quota;

namespace Pandora.Core.Rest;

/// <summary>A type that is read from the fields of a body or of a query.</summary>
internal interface IReadFromFields<TSelf>
    where TSelf : IReadFromFields<TSelf>
{
    /// <summary>The <c>entity</c> of the errors about its fields.</summary>
    static abstract string Entity { get; }

    /// <summary>Of a body. True: none, or a blank one, reads like <c>{}</c>.</summary>
    static virtual bool MayBeEmpty => false;

    /// <summary>Of a body. Whether the same fields may come as a form.</summary>
    static virtual bool MayBeForm => false;

    /// <summary>Of the query of a list. Whether its rows are known by a UUID; else they are by a number.</summary>
    static virtual bool ListsUuids => false;

    /// <summary>
    /// Reads every field, whatever the others hold: the OpenAPI document is made by reading an empty object. What is wrong
    /// is collected in <paramref name="fields"/>, never thrown.
    /// </summary>
    static abstract TSelf Read(Fields fields);

    /// <summary>Of a body. The same, where it depends on who calls what is required.</summary>
    static virtual TSelf Read(Fields fields, HttpContext context) => TSelf.Read(fields);
}

/// <summary>
/// The fields of one JSON object, or of a query, read by name. Two kinds of faults are kept apart: what cannot be read at
/// all (wrong type, repeated field; only the first one is reported, entity "body" or "query") and what breaks a rule of its
/// field (all are reported, in reading order, one a field, as far as <see cref="Error.MostTold"/>). A reader whose field is
/// at fault returns the default. Nothing is kept of what nobody asks for: a body costs no more memory than its bytes.
/// </summary>
internal sealed class Fields
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    private readonly JsonValue _object;
    private readonly string _prefix;
    private readonly Reading _reading;

    /// <summary>What was read so far. Null: nobody asked for it.</summary>
    private readonly OpenApiSchema? _schema;

    private Fields(JsonValue value, string prefix, Reading reading, OpenApiSchema? schema = null)
    {
        _object = value;
        _prefix = prefix;
        _reading = reading;
        _schema = schema;
    }

    /// <summary>The instant of the call, for rules about time.</summary>
    public DateTimeOffset Now => _reading.Now;

    /// <summary>What is wrong with all that was read so far. Null: nothing.</summary>
    public Error? Fault => _reading.Unreadable ?? (_reading.Broken.Count == 0 ? null : Error.Combine(_reading.Broken));

    /// <summary>The parameters with a value, in reading order; used to point to the next page of a list.</summary>
    public List<KeyValuePair<string, string>> Given { get; } = [];

    /// <summary>Without a field, and at fault, when the bytes are not one JSON object.</summary>
    public static Fields OfBody(ReadOnlyMemory<byte> utf8, string entity, DateTimeOffset now)
    {
        var reading = new Reading(entity, now, OfQuery: false);
        utf8 = utf8.Span.StartsWith(ByteOrderMark) ? utf8[ByteOrderMark.Length..] : utf8;
        var isText = Utf8.IsValid(utf8.Span);
        if (isText && JsonValue.Read(utf8) is { Kind: JsonTokenType.StartObject } root)
        {
            return new Fields(root, "", reading);
        }
        reading.Unreadable = Error.Body(isText ? "The body must be one JSON object." : "The body is not valid UTF-8.");
        return new Fields(JsonValue.EmptyObject, "", reading);
    }

    /// <summary>Parameters are texts, and an empty one is not given.</summary>
    public static Fields OfQuery(QueryString query, string entity) =>
        new(JsonValue.Read(TextsAsJson.Convert(query.Value ?? ""))!.Value, "", new Reading(entity, default, OfQuery: true));

    /// <summary>An object with all that <paramref name="read"/> reads.</summary>
    public static OpenApiSchema Describe<T>(Func<Fields, T> read)
    {
        var schema = new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Properties = new Dictionary<string, IOpenApiSchema>(),
            Required = new HashSet<string>(),
        };
        read(new Fields(JsonValue.EmptyObject, "", new Reading("", default, OfQuery: false), schema));
        return schema;
    }

    /// <summary>Whether a field is there, be it null.</summary>
    public bool Has(string name) => _object.Property(name, out _) is not null;

    /// <summary>A required text, trimmed, of 1 to <paramref name="max"/> characters. "" when at fault.</summary>
    public string Name(string name, int max = 255) => ReadName(name, required: true, max) ?? "";

    /// <inheritdoc cref="Name"/>
    public string? OptionalName(string name, int max = 255) => ReadName(name, required: false, max);

    /// <summary>A required text, kept as it is. "" when at fault; "" counts as missing.</summary>
    public string Text(string name) => Read(name, true, () => InputSchemas.Text(min: 1), value => TextOf(name, value) switch
        {
            "" => Missing<string>(name),
            var text => text,
        }) ?? "";

    public string? OptionalText(string name) => Read(name, false, () => InputSchemas.Text(), value => TextOf(name, value));

    /// <summary>A required member of a closed set, written in snake_case.</summary>
    public TEnum Member<TEnum>(string name)
        where TEnum : struct, Enum => ReadMember(name, required: true, EnumWords<TEnum>.Lower).GetValueOrDefault();

    /// <inheritdoc cref="Member"/>
    public TEnum? OptionalMember<TEnum>(string name)
        where TEnum : struct, Enum => ReadMember(name, required: false, EnumWords<TEnum>.Lower);

    /// <summary>A required member of a closed set, written in UPPER_SNAKE; "None" cannot be given.</summary>
    public TEnum UpperMember<TEnum>(string name)
        where TEnum : struct, Enum => ReadMember(name, required: true, EnumWords<TEnum>.Upper).GetValueOrDefault();

    /// <inheritdoc cref="UpperMember"/>
    public TEnum? OptionalUpperMember<TEnum>(string name)
        where TEnum : struct, Enum => ReadMember(name, required: false, EnumWords<TEnum>.Upper);

    /// <summary>A required record id.</summary>
    public RecordId Id(string name) => ReadId(name, required: true).GetValueOrDefault();

    /// <inheritdoc cref="Id"/>
    public RecordId? OptionalId(string name) => ReadId(name, required: false);

    /// <summary>A required quota: -1 (unlimited) to 2^53 - 1.</summary>
    public long Quota(string name) => ReadQuota(name, required: true).GetValueOrDefault();

    /// <inheritdoc cref="Quota"/>
    public long? OptionalQuota(string name) => ReadQuota(name, required: false);

    /// <summary>A whole number in a range, of a query.</summary>
    public int? OptionalNumber(string name, int min, int max) => Read<int?>(name, false, () => InputSchemas.Number(min, max), value =>
        int.TryParse(TextOf(name, value), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
            ? number
            : Unreadable<int?>(name, $"must be a whole number between {min} and {max}"));

    /// <summary>An instant: of a body written in UTC, of a query with any offset.</summary>
    public DateTimeOffset? OptionalInstant(string name) =>
        Read(name, false, InputSchemas.Instant, value => InstantOf(name, value));

    /// <summary>An instant; null may be sent for none.</summary>
    public DateTimeOffset? NullableInstant(string name) =>
        Read(name, false, InputSchemas.Instant, value => InstantOf(name, value), nullable: true);

    /// <summary>An instant, or a date, which means its first moment in UTC.</summary>
    public DateTimeOffset? OptionalInstantOrDate(string name) =>
        Read(name, false, InputSchemas.InstantOrDate, value => InstantOf(name, value, dateAllowed: true));

    /// <summary>A boolean; false when absent.</summary>
    public bool Flag(string name) => Read(name, false, InputSchemas.Flag, value =>
        value.Kind is JsonTokenType.True or JsonTokenType.False ? value.Kind == JsonTokenType.True : Unreadable<bool>(name, "must be true or false"));

    /// <summary>The objects of an array; none when it is absent or null.</summary>
    public IReadOnlyList<T> Objects<T>(string name, Func<Fields, T> read) =>
        Read(name, false, () => InputSchemas.ArrayOf(Describe(read)), array => ObjectsOf(name, array, read), nullable: true) ?? [];

    /// <summary>Reports that a field breaks a rule which the readers above do not know.</summary>
    public T Broken<T>(string name, string rule, T instead)
    {
        if (_reading.Broken.Count > Error.MostTold)
        {
            return instead; // one more than is told says that there are more
        }
        var loc = _prefix + name;
        if (_reading.Places.Add(loc))
        {
            _reading.Broken.Add(Error.Field(_reading.Entity, loc, $"{loc} {rule}."));
        }
        return instead;
    }

    /// <summary>Reports an instant that is not later than <see cref="Now"/>.</summary>
    public DateTimeOffset? LaterThanNow(string name, DateTimeOffset? instant) =>
        instant <= Now ? Broken(name, "must be later than now", instant) : instant;

    /// <summary>Reports that a field cannot be read.</summary>
    public T? Unreadable<T>(string name, string rule)
    {
        var loc = _prefix + name;
        _reading.Unreadable ??= Error.Field(_reading.OfQuery ? "query" : "body", loc, $"{loc} {rule}.");
        return default;
    }

    private T? Missing<T>(string name) => Broken<T?>(name, "is required", default);

    private T? Read<T>(string name, bool required, Func<OpenApiSchema> describe, Func<JsonValue, T?> read, bool nullable = false)
    {
        if (_schema is not null)
        {
            var field = describe();
            field.Type |= nullable ? JsonSchemaType.Null : default;
            _schema.Properties![name] = field;
            _ = required && _schema.Required!.Add(name);
        }
        return Find(name) switch
        {
            null => required ? Missing<T>(name) : default,
            { Kind: JsonTokenType.Null } => nullable ? default : Missing<T>(name),
            { } value => read(value),
        };
    }

    /// <summary>The value of a field, which may be a JSON null. Null: absent.</summary>
    private JsonValue? Find(string name)
    {
        var found = _object.Property(name, out var isRepeated);
        if (isRepeated)
        {
            Unreadable<object>(name, "is given twice");
        }
        if (_reading.OfQuery && found is { Kind: JsonTokenType.String } parameter)
        {
            var text = parameter.GetString();
            if (text.Length == 0)
            {
                return null;
            }
            Given.Add(new(name, text));
        }
        return found;
    }

    private string? ReadName(string name, bool required, int max) => Read(name, required, () => InputSchemas.Text(1, max), value =>
    {
        var trimmed = TextOf(name, value)?.Trim();
        return trimmed?.EnumerateRunes().Count() switch
        {
            0 => Broken<string?>(name, "must not be blank", null),
            { } characters when characters > max => Broken<string?>(name, $"must have at most {max} characters", null),
            // Names are shown, copied into the log and told in errors: whoever reads one could use the key.
            _ when trimmed is not null && KeyMasker.FindsIn(trimmed) => Broken<string?>(name, "must not contain an API key or token", null),
            _ => trimmed,
        };
    });

    private TEnum? ReadMember<TEnum>(string name, bool required, EnumWords<TEnum> words)
        where TEnum : struct, Enum
    {
        string[] accepted = [.. words.All.Where(word => word.Length > 0)];
        return Read<TEnum?>(name, required, () => InputSchemas.OneOf(accepted), value => TextOf(name, value) switch
        {
            null => null,
            { Length: > 0 } text when words.TryParse(text, out var member) => member,
            _ => Broken<TEnum?>(name, $"must be one of {string.Join(", ", accepted)}", null),
        });
    }

    private RecordId? ReadId(string name, bool required) => Read<RecordId?>(name, required, InputSchemas.RecordId, value =>
        RecordId.Parse(DigitsOf(value)) switch
        {
            null => Unreadable<RecordId?>(name, "must be a whole number"),
            { IsBelowOne: true } => Broken<RecordId?>(name, "must be at least 1", null),
            { } id => id,
        });

    private long? ReadQuota(string name, bool required)
    {
        const long Min = QuotaRange.Unlimited;
        const long Max = QuotaRange.Largest;
        return Read<long?>(name, required, () => InputSchemas.Number(Min, Max), value => RecordId.Parse(DigitsOf(value)) switch
        {
            null => Unreadable<long?>(name, "must be a whole number"),
            _ when long.TryParse(DigitsOf(value), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var quota)
                && quota is >= Min and <= Max => quota,
            _ => Broken<long?>(name, $"must be between {Min} (unlimited) and {Max}", null),
        });
    }

    /// <summary>A number of a body, a text of a query; "" when it is neither.</summary>
    private string DigitsOf(JsonValue value) => value.Kind switch
    {
        JsonTokenType.Number => value.ToString(),
        JsonTokenType.String when _reading.OfQuery => value.GetString(),
        _ => "",
    };

    private DateTimeOffset? InstantOf(string name, JsonValue value, bool dateAllowed = false)
    {
        if (TextOf(name, value, "must be a timestamp") is not { } text)
        {
            return null;
        }
        if (dateAllowed && DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date))
        {
            return new DateTimeOffset(date, TimeOnly.MinValue, TimeSpan.Zero);
        }
        // A plus sign that was not escaped arrives as a blank; no timestamp has one.
        if (Timestamp.Parse(_reading.OfQuery ? text.Replace(' ', '+') : text) is not { } parsed)
        {
            return Unreadable<DateTimeOffset?>(name, "must be a timestamp such as 2030-01-31T00:00:00Z");
        }
        return parsed.IsUtc || _reading.OfQuery
            ? parsed.Instant
            : Broken<DateTimeOffset?>(name, "must be in UTC (zone Z)", null);
    }

    /// <summary>Null when unreadable.</summary>
    private string? TextOf(string name, JsonValue value, string rule = "must be a text")
    {
        if (value.Kind != JsonTokenType.String)
        {
            return Unreadable<string>(name, rule);
        }
        try
        {
            var text = value.GetString();
            return text.Contains('\0') ? Unreadable<string>(name, "must not contain U+0000") : text;
        }
        catch (InvalidOperationException)
        {
            return Unreadable<string>(name, "must not contain half a surrogate pair");
        }
    }

    private IReadOnlyList<T>? ObjectsOf<T>(string name, JsonValue array, Func<Fields, T> read)
    {
        if (array.Kind != JsonTokenType.StartArray)
        {
            return Unreadable<IReadOnlyList<T>>(name, "must be an array");
        }
        var items = new List<T>();
        foreach (var (i, element) in array.Elements().Index())
        {
            // All of them, though not all faults are told: what cannot be read at all comes first.
            var place = $"{name}[{i}]";
            switch (element.Kind)
            {
                case JsonTokenType.StartObject:
                    items.Add(read(new Fields(element, $"{_prefix}{place}.", _reading)));
                    break;
                case JsonTokenType.Null:
                    Missing<T>(place);
                    break;
                default:
                    return Unreadable<IReadOnlyList<T>>(place, "must be an object");
            }
        }
        return items;
    }

    /// <summary>Shared by an object and all that is below it.</summary>
    private sealed record Reading(string Entity, DateTimeOffset Now, bool OfQuery)
    {
        public Error? Unreadable { get; set; }

        public List<Error> Broken { get; } = [];

        /// <summary>The places in <see cref="Broken"/>: one fault each, found fast even when thousands are at fault.</summary>
        public HashSet<string> Places { get; } = [];
    }
}
