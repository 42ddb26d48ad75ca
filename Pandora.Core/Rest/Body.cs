using System.Reflection;
using Microsoft.AspNetCore.Http.Metadata;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;

namespace Pandora.Core.Rest;

/// <summary>A type that is read from a JSON object in a request body.</summary>
internal interface IReadFromJson<TSelf>
    where TSelf : IReadFromJson<TSelf>
{
    /// <summary>The <c>entity</c> of the errors about its fields.</summary>
    static abstract string Entity { get; }

    /// <summary>True: no body, or a blank one, reads like <c>{}</c>.</summary>
    static virtual bool MayBeEmpty => false;

    /// <summary>
    /// Reads every property, whatever the others hold: the OpenAPI document lists what is read of an empty object. What is
    /// wrong is collected in <paramref name="json"/>, never thrown.
    /// </summary>
    static abstract TSelf Read(JsonFields json);
}

/// <summary>Tells the OpenAPI document what a body holds, without making routing examine the Content-Type.</summary>
/// <param name="Name">What the document calls it.</param>
/// <param name="Required">False: the body may be left out.</param>
internal sealed record RequestBodyMetadata(string Name, IReadOnlyList<FieldDescription> Fields, bool Required)
{
    /// <summary>Whether the same fields may come as a form.</summary>
    public bool AlsoForm { get; init; }

    public static RequestBodyMetadata Of<T>()
        where T : IReadFromJson<T> =>
        new(typeof(T).Name, JsonFields.Describe<T>(), !T.MayBeEmpty);
}

/// <summary>The JSON body of a request, read strictly by the rules of the contract.</summary>
/// <param name="Now">
/// The instant its rules about time were checked against. A handler goes on with it, so that the whole call sees one now.
/// </param>
internal sealed record Body<T>(T? Content, DateTimeOffset Now, Error? Fault)
    : IRequestInput, IBindableFromHttpContext<Body<T>>, IEndpointParameterMetadataProvider
    where T : class, IReadFromJson<T>
{
    /// <summary>What was read; a handler runs only if there is no fault.</summary>
    public T Value => Content!;

    public static async ValueTask<Body<T>?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var read = await RequestBytes.TryReadAsync(context.Request);
        var now = context.RequestServices.GetRequiredService<TimeProvider>().Now();
        if (read is not { } bytes)
        {
            return new Body<T>(null, now, Error.TooLarge(RequestBytes.Limit));
        }
        var json = JsonFields.Parse(T.MayBeEmpty && IsBlank(bytes.Span) ? "{}"u8.ToArray() : bytes, T.Entity, now, out var fault);
        if (json is null)
        {
            return new Body<T>(null, now, fault);
        }
        var content = T.Read(json);
        return new Body<T>(content, now, json.Fault);
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(RequestBodyMetadata.Of<T>());

    private static bool IsBlank(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExcept(" \t\r\n"u8);
}
