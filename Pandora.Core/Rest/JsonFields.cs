using System.Text.Json;
using System.Text.Unicode;
using Pandora.Core.Errors;
using QuotaRange = Pandora.Core.Quotas.Quota;

namespace Pandora.Core.Rest;

/// <summary>
/// The properties of one JSON object, read by name. Two kinds of faults are kept apart: what cannot be read at all (wrong
/// type, repeated property; only the first one is reported, entity "body") and what breaks a rule of its field (all are
/// reported, in reading order, one a field).
/// </summary>
internal sealed partial class JsonFields
{
    private const int MaxDepth = 64;

    private static readonly JsonElement EmptyObject = JsonDocument.Parse("{}").RootElement;

    private readonly JsonElement _object;
    private readonly string _prefix;
    private readonly string _entity;
    private readonly Faults _faults;

    // Null: nobody asked for a description.
    private readonly List<FieldDescription>? _description;

    private JsonFields(
        JsonElement element, string prefix, string entity, DateTimeOffset now, Faults faults, List<FieldDescription>? description = null)
    {
        _object = element;
        _prefix = prefix;
        _entity = entity;
        _faults = faults;
        _description = description;
        Now = now;
    }

    /// <summary>The instant of the call, for rules about time.</summary>
    public DateTimeOffset Now { get; }

    /// <summary>What is wrong with all that was read so far. Null: nothing.</summary>
    public Error? Fault => _faults.Unreadable ?? (_faults.Broken.Count == 0 ? null : Error.Combine(_faults.Broken));

    /// <summary>Null and a fault when the bytes are not one JSON object.</summary>
    public static JsonFields? Parse(ReadOnlyMemory<byte> utf8, string entity, DateTimeOffset now, out Error? fault)
    {
        fault = null;
        if (!Utf8.IsValid(utf8.Span))
        {
            fault = Error.Body("The body is not valid UTF-8.");
            return null;
        }
        try
        {
            // The document is not disposed: its memory is not pooled, and the elements outlive this method.
            var root = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = MaxDepth }).RootElement;
            if (root.ValueKind == JsonValueKind.Object)
            {
                return new JsonFields(root, "", entity, now, new Faults());
            }
        }
        catch (JsonException)
        {
            // Told below, without the parser's own text.
        }
        fault = Error.Body("The body must be one JSON object.");
        return null;
    }

    /// <summary>What <typeparamref name="T"/> reads.</summary>
    public static IReadOnlyList<FieldDescription> Describe<T>()
        where T : IReadFromJson<T>
    {
        var fields = new JsonFields(EmptyObject, "", T.Entity, DateTimeOffset.UnixEpoch, new Faults(), []);
        T.Read(fields);
        return fields._description!;
    }

    /// <summary>A required text, trimmed, of 1 to <paramref name="max"/> characters. "" when at fault.</summary>
    public string Name(string name, int max = 255) =>
        Find(new(name, FieldKind.Text, true) { MaxLength = max }) is { } value ? NameOf(name, value, max) : Missing(name, "");

    /// <inheritdoc cref="Name"/>
    public Given<string> OptionalName(string name, int max = 255) =>
        Find(new(name, FieldKind.Text, false) { MaxLength = max }) is { } value ? NameOf(name, value, max) : Given<string>.Absent;

    /// <summary>A required text, kept as it is. "" when at fault; null and "" count as missing.</summary>
    public string Text(string name)
    {
        if (Find(new(name, FieldKind.Text, true)) is not { ValueKind: not JsonValueKind.Null } value)
        {
            return Missing(name, "");
        }
        return TextOf(name, value) switch
        {
            null => "",
            "" => Missing(name, ""),
            var text => text,
        };
    }

    /// <summary>A required member of a closed set, written in snake_case. The default when at fault.</summary>
    public TEnum Member<TEnum>(string name)
        where TEnum : struct, Enum =>
        Member(name, EnumWords<TEnum>.Lower);

    /// <inheritdoc cref="Member{TEnum}(string)"/>
    public Given<TEnum> OptionalMember<TEnum>(string name)
        where TEnum : struct, Enum =>
        Find(new(name, FieldKind.Word, false) { Words = EnumWords<TEnum>.Lower.All }) is { } value
            ? MemberOf(name, value, EnumWords<TEnum>.Lower)
            : Given<TEnum>.Absent;

    /// <summary>A required member of a closed set, written in UPPER_SNAKE. The default when at fault.</summary>
    public TEnum UpperMember<TEnum>(string name)
        where TEnum : struct, Enum =>
        Member(name, EnumWords<TEnum>.Upper);

    /// <summary>A required record id. The default when at fault.</summary>
    public RecordId Id(string name)
    {
        if (Find(new(name, FieldKind.RecordId, true)) is not { ValueKind: not JsonValueKind.Null } value)
        {
            return Missing(name, default(RecordId));
        }
        if (value.ValueKind != JsonValueKind.Number || RecordId.Parse(value.GetRawText()) is not { } parsed)
        {
            return Unreadable(name, "must be a whole number", default(RecordId));
        }
        return parsed.Id ?? Broken(name, "must be at least 1", default(RecordId));
    }

    /// <summary>A required quota: -1 (unlimited) to 2^53 - 1. 0 when at fault.</summary>
    public long Quota(string name) => Find(DescribeQuota(name, true)) is { } value ? QuotaOf(name, value) : Missing(name, 0L);

    /// <inheritdoc cref="Quota"/>
    public Given<long> OptionalQuota(string name) =>
        Find(DescribeQuota(name, false)) is { } value ? QuotaOf(name, value) : Given<long>.Absent;

    /// <summary>An instant. Null when the property is null.</summary>
    public Given<DateTimeOffset?> NullableInstant(string name) =>
        Find(new(name, FieldKind.Instant, false, Nullable: true)) switch
        {
            null => Given<DateTimeOffset?>.Absent,
            { ValueKind: JsonValueKind.Null } => new Given<DateTimeOffset?>(true, null),
            { } value => new Given<DateTimeOffset?>(true, InstantOf(name, value, dateAllowed: false)),
        };

    /// <summary>An instant, or a date, which means its first moment in UTC.</summary>
    public Given<DateTimeOffset> OptionalInstantOrDate(string name) =>
        Find(new(name, FieldKind.InstantOrDate, false)) switch
        {
            null => Given<DateTimeOffset>.Absent,
            { ValueKind: JsonValueKind.Null } => Missing(name, Given<DateTimeOffset>.Absent),
            { } value => InstantOf(name, value, dateAllowed: true),
        };

    /// <summary>A boolean; false when absent.</summary>
    public bool Flag(string name) => Find(new(name, FieldKind.Flag, false)) switch
    {
        null => false,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { ValueKind: JsonValueKind.Null } => Missing(name, false),
        _ => Unreadable(name, "must be true or false", false),
    };

    /// <summary>The objects of an array; none when it is absent or null.</summary>
    public IReadOnlyList<T> Objects<T>(string name, Func<JsonFields, T> read)
    {
        if (Find(DescribeObjects(name, read)) is not { ValueKind: not JsonValueKind.Null } array)
        {
            return [];
        }
        if (array.ValueKind != JsonValueKind.Array)
        {
            return Unreadable<IReadOnlyList<T>>(name, "must be an array", []);
        }
        var items = new List<T>();
        foreach (var element in array.EnumerateArray())
        {
            var place = $"{name}[{items.Count}]";
            if (element.ValueKind == JsonValueKind.Object)
            {
                items.Add(read(new JsonFields(element, $"{_prefix}{place}.", _entity, Now, _faults)));
            }
            else if (element.ValueKind == JsonValueKind.Null)
            {
                items.Add(Missing(place, default(T)!));
            }
            else
            {
                return Unreadable<IReadOnlyList<T>>(place, "must be an object", []);
            }
        }
        return items;
    }

    /// <summary>Reports that a field breaks a rule which the readers above do not know.</summary>
    public T Broken<T>(string name, string rule, T instead)
    {
        var loc = _prefix + name;
        if (_faults.Places.Add(loc))
        {
            _faults.Broken.Add(Error.Field(_entity, loc, $"{loc} {rule}."));
        }
        return instead;
    }

    /// <summary>Reports an instant that is not later than <see cref="Now"/>.</summary>
    public DateTimeOffset LaterThanNow(string name, DateTimeOffset instant) =>
        instant > Now ? instant : Broken(name, "must be later than now", instant);

    private T Missing<T>(string name, T instead) => Broken(name, "is required", instead);

    private T Unreadable<T>(string name, string rule, T instead)
    {
        var loc = _prefix + name;
        _faults.Unreadable ??= Error.Body($"{loc} {rule}.", loc);
        return instead;
    }

    private TEnum Member<TEnum>(string name, EnumWords<TEnum> words)
        where TEnum : struct, Enum =>
        Find(new(name, FieldKind.Word, true) { Words = words.All }) is { } value
            ? MemberOf(name, value, words)
            : Missing(name, default(TEnum));

    private static FieldDescription DescribeQuota(string name, bool required) =>
        new(name, FieldKind.Number, required) { Min = QuotaRange.Unlimited, Max = QuotaRange.Largest };

    private FieldDescription DescribeObjects<T>(string name, Func<JsonFields, T> read)
    {
        var field = new FieldDescription(name, FieldKind.Objects, Required: false, Nullable: true);
        if (_description is null)
        {
            return field;
        }
        var item = new JsonFields(EmptyObject, $"{name}[].", _entity, Now, new Faults(), []);
        read(item);
        return field with { Items = item._description! };
    }

    /// <summary>The value of a property, which may be a JSON null. Null: absent.</summary>
    private JsonElement? Find(FieldDescription field)
    {
        _description?.Add(field);
        var name = field.Name;
        JsonElement? found = null;
        foreach (var property in _object.EnumerateObject())
        {
            if (!IsNamed(property, name))
            {
                continue;
            }
            if (found is not null)
            {
                return Unreadable(name, "is given twice", found);
            }
            found = property.Value;
        }
        return found;
    }

    private static bool IsNamed(JsonProperty property, string name)
    {
        try
        {
            return property.NameEquals(name);
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair in the name: none of ours.
            return false;
        }
    }

    /// <summary>Shared by an object and all that is below it.</summary>
    private sealed class Faults
    {
        public Error? Unreadable { get; set; }

        public List<Error> Broken { get; } = [];

        /// <summary>The places in <see cref="Broken"/>: one fault each, found fast even when thousands are at fault.</summary>
        public HashSet<string> Places { get; } = [];
    }
}
