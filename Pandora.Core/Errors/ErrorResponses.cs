using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Net.Http.Headers;

namespace Pandora.Core.Errors;

/// <summary>The only writer of REST error bodies.</summary>
internal static class ErrorResponses
{
    internal static readonly JsonSerializerOptions ForMessages = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private const string Challenge = "Bearer realm=\"Access to the API\"";

    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The HTTP status of a code. An aggregate has none of its own: see <see cref="Error.DecidingCode"/>.</summary>
    public static int StatusOf(ErrorCode code) => code switch
    {
        ErrorCode.Unauthorized => StatusCodes.Status401Unauthorized,
        ErrorCode.Forbidden => StatusCodes.Status403Forbidden,
        ErrorCode.NotFound => StatusCodes.Status404NotFound,
        ErrorCode.AlreadyExists => StatusCodes.Status409Conflict,
        ErrorCode.ValidationFailed => StatusCodes.Status422UnprocessableEntity,
        ErrorCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
        ErrorCode.TooManyRequests => StatusCodes.Status429TooManyRequests,
        ErrorCode.PayloadTooLarge => StatusCodes.Status413PayloadTooLarge,
        ErrorCode.MethodNotAllowed => StatusCodes.Status405MethodNotAllowed,
        _ => StatusCodes.Status500InternalServerError,
    };

    /// <summary>The word of a code on the wire, such as <c>VALIDATION_FAILED</c>.</summary>
    public static string NameOf(ErrorCode code) => EnumWords<ErrorCode>.Upper[code];

    public static async Task WriteAsync(HttpContext context, Error error)
    {
        var response = context.Response;
        response.StatusCode = StatusOf(error.DecidingCode);
        response.ContentType = "application/json; charset=utf-8";
        if (error.RetryAfterSeconds is { } seconds)
        {
            response.Headers[HeaderNames.RetryAfter] = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        if (response.StatusCode == StatusCodes.Status401Unauthorized)
        {
            response.Headers[HeaderNames.WWWAuthenticate] =
                error.TokenWasPresented ? $"{Challenge}, error=\"invalid_token\"" : Challenge;
        }

        await using (var writer = new Utf8JsonWriter(response.BodyWriter, WriterOptions))
        {
            Write(writer, error);
        }
        await response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    private static void Write(Utf8JsonWriter writer, Error error)
    {
        writer.WriteStartObject();
        writer.WriteString("code", NameOf(error.Code));
        writer.WriteString("message", error.Message);
        if (error.Entity is not null)
        {
            writer.WriteString("entity", error.Entity);
        }
        if (error.Identifiers is { Count: > 0 })
        {
            writer.WriteStartObject("identifiers");
            foreach (var (name, value) in error.Identifiers)
            {
                writer.WritePropertyName(name);
                JsonSerializer.Serialize(writer, value, ForMessages);
            }
            writer.WriteEndObject();
        }
        if (error.Loc is not null)
        {
            writer.WriteString("loc", error.Loc);
        }
        if (error.Errors is { Count: > 0 })
        {
            writer.WriteStartArray("errors");
            foreach (var child in error.Errors)
            {
                Write(writer, child);
            }
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
    }
}
