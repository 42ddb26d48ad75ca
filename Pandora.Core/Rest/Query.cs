using System.Reflection;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.OpenApi;
using Pandora.Core.Errors;

namespace Pandora.Core.Rest;

/// <summary>A list without filters of its own.</summary>
internal sealed record NoFilter : IReadFromFields<NoFilter>
{
    public static string Entity => "query";

    public static NoFilter Read(Fields fields) => new();
}

/// <summary>Tells the OpenAPI document which query parameters a list has: the properties of the schema.</summary>
internal sealed record QueryMetadata(OpenApiSchema Schema);

/// <summary>The query of a list: its filters, and which page of it is asked for.</summary>
internal sealed record Query<T>(T Filter, PageRequest Page, Error? Fault)
    : IRequestInput, IBindableFromHttpContext<Query<T>>, IEndpointParameterMetadataProvider
    where T : class, IReadFromFields<T>
{
    public static ValueTask<Query<T>?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var fields = Fields.OfQuery(context.Request.QueryString, T.Entity);
        var (filter, page) = Read(fields, context.Request.PathBase, context.Request.Path);
        return ValueTask.FromResult<Query<T>?>(new Query<T>(filter, page, fields.Fault));
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new QueryMetadata(Fields.Describe(fields => Read(fields, default, default))));

    private static (T Filter, PageRequest Page) Read(Fields fields, PathString prefix, PathString path)
    {
        var filter = T.Read(fields);
        return (filter, PageRequest.Read(fields, prefix, path, T.ListsUuids));
    }
}
