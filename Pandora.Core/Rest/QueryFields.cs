using System.Globalization;
using Pandora.Core.Errors;

namespace Pandora.Core.Rest;

/// <summary>
/// The parameters of a query, read by name; empty ones are not given. As in a body, the first one that cannot be read
/// (entity "query") hides all that merely break a rule.
/// </summary>
internal sealed class QueryFields(string query, string entity)
{
    private readonly QueryText _query = new(query);
    private readonly List<KeyValuePair<string, string>> _given = [];
    private readonly List<FieldDescription> _described = [];
    private readonly List<Error> _broken = [];
    private Error? _unreadable;

    public Error? Fault => _unreadable ?? (_broken.Count == 0 ? null : Error.Combine(_broken));

    /// <summary>The known parameters with a value, in reading order; used to point to the next page.</summary>
    public IEnumerable<KeyValuePair<string, string>> Given => _given;

    /// <summary>What was read so far.</summary>
    public IReadOnlyList<FieldDescription> Described => _described;

    /// <summary>Null: not given.</summary>
    public string? Text(string name) => Find(new(name, FieldKind.Text, false));

    /// <summary>A member of a closed set, in snake_case. Null: not given.</summary>
    public TEnum? Member<TEnum>(string name)
        where TEnum : struct, Enum => Member(name, EnumWords<TEnum>.Lower);

    /// <summary>A member of a closed set, in UPPER_SNAKE; "None" cannot be given. Null: not given.</summary>
    public TEnum? UpperMember<TEnum>(string name)
        where TEnum : struct, Enum => Member(name, EnumWords<TEnum>.Upper);

    /// <summary>The id of a record. Null: not given.</summary>
    public RecordId? Id(string name) =>
        Find(new(name, FieldKind.RecordId, false)) switch
        {
            null => null,
            var text => RecordId.Parse(text) switch
            {
                null => Unreadable<RecordId?>(name, "must be a whole number", null),
                { Id: null } => Broken<RecordId?>(name, "must be at least 1", null),
                { Id: { } id } => id,
            },
        };

    /// <summary>An instant, in UTC whatever offset it was written with. Null: not given.</summary>
    public DateTimeOffset? Instant(string name) =>
        Find(new(name, FieldKind.Instant, false)) switch
        {
            null => null,
            // A plus sign that was not escaped arrives as a blank; no timestamp has one.
            var text when Timestamp.Parse(text.Replace(' ', '+')) is { Instant: var instant } => instant,
            _ => Unreadable<DateTimeOffset?>(name, "must be a timestamp such as 2030-01-31T00:00:00Z", null),
        };

    /// <summary>A whole number in a range. Null: not given.</summary>
    public int? Number(string name, int min, int max)
    {
        if (Find(new(name, FieldKind.Number, false) { Min = min, Max = max }) is not { } text)
        {
            return null;
        }
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
            ? number
            : Unreadable<int?>(name, $"must be a whole number between {min} and {max}", null);
    }

    public T Unreadable<T>(string name, string rule, T instead)
    {
        _unreadable ??= Error.Query(name, $"{name} {rule}.");
        return instead;
    }

    public T Broken<T>(string name, string rule, T instead)
    {
        _broken.Add(Error.Field(entity, name, $"{name} {rule}."));
        return instead;
    }

    private TEnum? Member<TEnum>(string name, EnumWords<TEnum> words)
        where TEnum : struct, Enum
    {
        string[] accepted = [.. words.All.Where(word => word.Length > 0)];
        return Find(new(name, FieldKind.Word, false) { Words = accepted }) switch
        {
            null => null,
            var word when words.TryParse(word, out var member) => member,
            _ => Broken<TEnum?>(name, $"must be one of {string.Join(", ", accepted)}", null),
        };
    }

    private string? Find(FieldDescription parameter)
    {
        _described.Add(parameter);
        var name = parameter.Name;
        var values = _query.ValuesOf(name);
        if (values.Count > 1)
        {
            return Unreadable<string?>(name, "is given twice", null);
        }
        if (values is not [{ IsEmpty: false } encoded])
        {
            return null;
        }
        if (QueryText.Decode(encoded.Span) is not { } value || value.Contains('\0'))
        {
            return Unreadable<string?>(name, "is not a valid text", null);
        }
        _given.Add(new KeyValuePair<string, string>(name, value));
        return value;
    }
}
