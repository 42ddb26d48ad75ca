using System.Globalization;
using System.Reflection;
using Microsoft.AspNetCore.Http.Metadata;
using Pandora.Core.Errors;

namespace Pandora.Core.Rest;

/// <summary>A type that is read from the query string of a list.</summary>
internal interface IReadFromQuery<TSelf>
    where TSelf : IReadFromQuery<TSelf>
{
    /// <summary>The <c>entity</c> of the errors about its parameters.</summary>
    static abstract string Entity { get; }

    /// <summary>Reads every parameter; what is wrong is collected in <paramref name="query"/>, never thrown.</summary>
    static abstract TSelf Read(QueryFields query);
}

/// <summary>A list without filters of its own.</summary>
internal sealed record NoFilter : IReadFromQuery<NoFilter>
{
    public static string Entity => "query";

    public static NoFilter Read(QueryFields query) => new();
}

/// <summary>Tells the OpenAPI document which query parameters a list has.</summary>
internal sealed record QueryMetadata(Type Filter);

/// <summary>The query of a list: its filters, and which page of it is asked for.</summary>
internal sealed record Query<T>(T Filter, PageRequest Page, Error? Fault)
    : IRequestInput, IBindableFromHttpContext<Query<T>>, IEndpointParameterMetadataProvider
    where T : class, IReadFromQuery<T>
{
    public static ValueTask<Query<T>?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var fields = new QueryFields(context.Request, T.Entity);
        var filter = T.Read(fields);
        var page = PageRequest.Read(fields, context);
        return ValueTask.FromResult<Query<T>?>(new Query<T>(filter, page, fields.Fault));
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new QueryMetadata(typeof(T)));
}

/// <summary>
/// The parameters of a query, read by name; empty ones are not given. As in a body, the first one that cannot be read
/// (entity "query") hides all that merely break a rule.
/// </summary>
internal sealed class QueryFields(HttpRequest request, string entity)
{
    private readonly List<KeyValuePair<string, string>> _given = [];
    private readonly List<Error> _broken = [];
    private Error? _unreadable;

    public Error? Fault => _unreadable ?? (_broken.Count == 0 ? null : Error.Of(_broken));

    /// <summary>The known parameters with a value, in reading order; used to point to the next page.</summary>
    public IEnumerable<KeyValuePair<string, string>> Given => _given;

    /// <summary>Null: not given.</summary>
    public string? Text(string name)
    {
        var values = request.Query[name];
        if (values.Count > 1)
        {
            return Unreadable<string?>(name, "is given twice", null);
        }
        if (values is not [{ Length: > 0 } value])
        {
            return null;
        }
        if (value.Contains('\0') || value.Contains('\uFFFD'))
        {
            return Unreadable<string?>(name, "is not a valid text", null);
        }
        _given.Add(new KeyValuePair<string, string>(name, value));
        return value;
    }

    /// <summary>A member of a closed set. Null: not given.</summary>
    public TEnum? Member<TEnum>(string name)
        where TEnum : struct, Enum =>
        Text(name) switch
        {
            null => null,
            var word when Words<TEnum>.TryParse(word, out var member) => member,
            _ => Broken<TEnum?>(name, $"must be one of {Words<TEnum>.All}", null),
        };

    /// <summary>The id of a record. Null: not given.</summary>
    public RecordId? Id(string name) =>
        Text(name) switch
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
        Text(name) switch
        {
            null => null,
            var text when Timestamp.Parse(text) is { } instant => instant.ToUniversalTime(),
            _ => Unreadable<DateTimeOffset?>(name, "must be a timestamp such as 2030-01-31T00:00:00Z", null),
        };

    /// <summary>A whole number in a range. Null: not given.</summary>
    public int? Number(string name, int min, int max)
    {
        if (Text(name) is not { } text)
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
}
