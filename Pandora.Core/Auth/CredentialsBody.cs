using System.Reflection;
using Microsoft.AspNetCore.Http.Metadata;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.Auth;

/// <summary>The body of a login: a JSON object or, as browsers and OAuth clients send it, a form.</summary>
internal sealed record CredentialsBody(Credentials? Content, Error? Fault)
    : IRequestInput, IBindableFromHttpContext<CredentialsBody>, IEndpointParameterMetadataProvider
{
    /// <summary>What was read; a handler runs only if there is no fault.</summary>
    public Credentials Value => Content!;

    public static async ValueTask<CredentialsBody?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        if (await RequestBytes.TryReadAsync(context.Request) is not { } bytes)
        {
            return new CredentialsBody(null, Error.TooLarge(RequestBytes.Limit));
        }
        var (json, fault) = await FormAsJson.ConvertAsync(context.Request, bytes, ["username", "password"]);
        if (fault is not null)
        {
            return new CredentialsBody(null, fault);
        }
        var now = context.RequestServices.GetRequiredService<TimeProvider>().Now();
        return JsonFields.Parse(json, Credentials.Entity, now, out fault) is { } fields
            ? new CredentialsBody(Credentials.Read(fields), fields.Fault)
            : new CredentialsBody(null, fault);
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(RequestBodyMetadata.Of<Credentials>() with { AlsoForm = true });
}
