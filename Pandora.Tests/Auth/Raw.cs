using System.Net.Http.Headers;
using System.Text;

namespace Pandora.Tests.Auth;

/// <summary>Bodies as they are, whatever a well-behaved client would send.</summary>
internal static class Raw
{
    public const string Form = "application/x-www-form-urlencoded";

    /// <param name="contentType">Null: no such header.</param>
    public static HttpContent Body(string text, string? contentType) => Body(Encoding.UTF8.GetBytes(text), contentType);

    /// <inheritdoc cref="Body(string, string?)"/>
    public static HttpContent Body(byte[] bytes, string? contentType)
    {
        var content = new ByteArrayContent(bytes);
        if (contentType is not null)
        {
            content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }
        return content;
    }

    public static HttpContent Multipart(params (string Name, string Value)[] fields)
    {
        var content = new MultipartFormDataContent();
        foreach (var (name, value) in fields)
        {
            content.Add(new StringContent(value), name);
        }
        return content;
    }

    public static AuthenticationHeaderValue Bearer(string token) => new("Bearer", token);
}
