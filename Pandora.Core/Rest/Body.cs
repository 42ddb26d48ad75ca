using System.Reflection;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.OpenApi;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;

namespace Pandora.Core.Rest;

/// <summary>Tells the OpenAPI document what a body holds, without making routing examine the Content-Type.</summary>
/// <param name="Name">What the document calls it.</param>
/// <param name="Required">False: the body may be left out.</param>
/// <param name="AlsoForm">Whether the same fields may come as a form.</param>
internal sealed record RequestBodyMetadata(string Name, OpenApiSchema Schema, bool Required, bool AlsoForm);

/// <summary>The JSON body of a request, read strictly by the rules of the contract.</summary>
/// <param name="Now">
/// The instant its rules about time were checked against. A handler goes on with it, so that the whole call sees one now.
/// </param>
internal sealed record Body<T>(T? Content, DateTimeOffset Now, Error? Fault)
    : IRequestInput, IBindableFromHttpContext<Body<T>>, IEndpointParameterMetadataProvider
    where T : class, IReadFromFields<T>
{
    /// <summary>What was read; a handler runs only if there is no fault.</summary>
    public T Value => Content!;

    private static readonly string[] Names = [.. Fields.Describe(T.Read).Properties!.Keys];

    public static async ValueTask<Body<T>?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var (json, fault) = T.MayBeForm
            ? await FormBody.ReadAsync(context.Request, Names)
            : await RequestBytes.ReadAsync(context.Request);
        var now = context.RequestServices.GetRequiredService<TimeProvider>().Now();
        if (fault is not null)
        {
            return new Body<T>(null, now, fault);
        }
        var fields = Fields.OfBody(T.MayBeEmpty && IsBlank(json.Span) ? "{}"u8.ToArray() : json, T.Entity, now);
        var content = T.Read(fields, context);
        return new Body<T>(content, now, fields.Fault);
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new RequestBodyMetadata(typeof(T).Name, Fields.Describe(T.Read), !T.MayBeEmpty, T.MayBeForm));

    private static bool IsBlank(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExcept(" \t\r\n"u8);
}
