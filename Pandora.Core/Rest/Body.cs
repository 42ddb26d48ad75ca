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

    /// <summary>Reads every property; what is wrong is collected in <paramref name="json"/>, never thrown.</summary>
    static abstract TSelf Read(JsonFields json);
}

/// <summary>Tells the OpenAPI document which type a body has, without making routing examine the Content-Type.</summary>
internal sealed record RequestBodyMetadata(Type Type, bool Required);

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
        var bytes = await RequestBytes.ReadAsync(context.Request);
        var now = context.RequestServices.GetRequiredService<TimeProvider>().Now();
        var json = JsonFields.Parse(T.MayBeEmpty && IsBlank(bytes.Span) ? "{}"u8.ToArray() : bytes, T.Entity, now, out var fault);
        if (json is null)
        {
            return new Body<T>(null, now, fault);
        }
        var content = T.Read(json);
        return new Body<T>(content, now, json.Fault);
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new RequestBodyMetadata(typeof(T), !T.MayBeEmpty));

    private static bool IsBlank(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExcept(" \t\r\n"u8);
}

/// <summary>Reads a body whole.</summary>
internal static class RequestBytes
{
    /// <summary>Larger bodies are refused with 413; Kestrel enforces it while reading.</summary>
    public const int Limit = 1_048_576;

    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpRequest request)
    {
        using var buffer = new MemoryStream();
        await request.Body.CopyToAsync(buffer, request.HttpContext.RequestAborted);
        return buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
    }
}
