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

    /// <summary>Whether the rows of the list are known by a UUID; else they are by a number.</summary>
    static virtual bool ListsUuids => false;

    /// <summary>
    /// Reads every parameter, whatever the others hold: the OpenAPI document lists what is read of an empty query. What is
    /// wrong is collected in <paramref name="query"/>, never thrown.
    /// </summary>
    static abstract TSelf Read(QueryFields query);
}

/// <summary>A list without filters of its own.</summary>
internal sealed record NoFilter : IReadFromQuery<NoFilter>
{
    public static string Entity => "query";

    public static NoFilter Read(QueryFields query) => new();
}

/// <summary>Tells the OpenAPI document which query parameters a list has.</summary>
internal sealed record QueryMetadata(IReadOnlyList<FieldDescription> Parameters);

/// <summary>The query of a list: its filters, and which page of it is asked for.</summary>
internal sealed record Query<T>(T Filter, PageRequest Page, Error? Fault)
    : IRequestInput, IBindableFromHttpContext<Query<T>>, IEndpointParameterMetadataProvider
    where T : class, IReadFromQuery<T>
{
    public static ValueTask<Query<T>?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var fields = new QueryFields(context.Request.QueryString.Value ?? "", T.Entity);
        var (filter, page) = Read(fields, context.Request.Path);
        return ValueTask.FromResult<Query<T>?>(new Query<T>(filter, page, fields.Fault));
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder)
    {
        var fields = new QueryFields("", T.Entity);
        Read(fields, default);
        builder.Metadata.Add(new QueryMetadata(fields.Described));
    }

    private static (T Filter, PageRequest Page) Read(QueryFields fields, PathString path)
    {
        var filter = T.Read(fields);
        return (filter, PageRequest.Read(fields, path, T.ListsUuids));
    }
}
