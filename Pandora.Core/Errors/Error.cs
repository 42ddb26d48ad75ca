using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pandora.Core.Errors;

/// <summary>Why a call was refused. The order is the priority: of several errors at once the first one listed wins.</summary>
internal enum ErrorCode
{
    Internal,
    Unauthorized,
    Forbidden,
    NotFound,
    AlreadyExists,
    ValidationFailed,
    AggregateErrors,

    // The rest always stand alone.
    Unavailable,
    TooManyRequests,
    PayloadTooLarge,
    MethodNotAllowed,
}

/// <summary>
/// The one error model, and the error object of REST as it is written. REST and gRPC translate it last; only
/// <see cref="ErrorResponses"/> and the gRPC status mapping know status codes.
/// </summary>
/// <param name="Message">For people. Holds no SQL, host, key, password or token.</param>
/// <param name="Entity">The record type, or the input whose field is at fault. Null: none to name.</param>
/// <param name="Identifiers">What identifies the record, in the order of writing. Null: none to name.</param>
/// <param name="Loc">JSON path of the faulty input such as <c>services[0].id</c>. Null: none to name.</param>
/// <param name="Errors">The children of an aggregate, else null.</param>
internal sealed record Error(
    ErrorCode Code,
    string Message,
    string? Entity = null,
    IReadOnlyDictionary<string, object>? Identifiers = null,
    string? Loc = null,
    IReadOnlyList<Error>? Errors = null) : IResult
{
    /// <summary>Of several errors at once no more are told: an answer costs no more than it helps.</summary>
    public const int MostTold = 100;

    private const int MessagesShown = 5;

    /// <summary>Whole seconds after which a caller may try again; written as <c>Retry-After</c>. Null: not said.</summary>
    [JsonIgnore]
    public int? RetryAfterSeconds { get; init; }

    /// <summary>On a refusal for lack of a valid token: whether one was presented. Told in <c>WWW-Authenticate</c>.</summary>
    [JsonIgnore]
    public bool TokenWasPresented { get; init; }

    /// <summary>The addressed or referenced record does not exist.</summary>
    public static Error NotFound(string entity, params IReadOnlyList<(string Name, object Value)> identifiers) =>
        new(ErrorCode.NotFound, $"{entity} with {Describe(identifiers)} does not exist.", entity, Ordered(identifiers));

    /// <summary>A record with the same unique values exists.</summary>
    public static Error AlreadyExists(string entity, params IReadOnlyList<(string Name, object Value)> identifiers) =>
        new(ErrorCode.AlreadyExists, $"{entity} with {Describe(identifiers)} already exists.", entity, Ordered(identifiers));

    /// <summary>One field of an input breaks a rule; of the input "body" or "query": it cannot be read.</summary>
    public static Error Field(string entity, string loc, string message) =>
        new(ErrorCode.ValidationFailed, message, entity, Loc: loc);

    /// <summary>A stored record is in a state that forbids the operation.</summary>
    public static Error State(string entity, string message, params IReadOnlyList<(string Name, object Value)> identifiers) =>
        new(ErrorCode.ValidationFailed, message, entity, Ordered(identifiers));

    /// <summary>The body cannot be read, and no property of it is to blame.</summary>
    public static Error Body(string message) => new(ErrorCode.ValidationFailed, message, "body");

    /// <summary>The caller is not known.</summary>
    /// <param name="tokenWasPresented">True: there was a bearer token, but it is not good.</param>
    public static Error Unauthorized(string message, bool tokenWasPresented = false) =>
        new(ErrorCode.Unauthorized, message) { TokenWasPresented = tokenWasPresented };

    public static Error Unavailable() =>
        new(ErrorCode.Unavailable, "The database is not available at the moment. Try again shortly.") { RetryAfterSeconds = 1 };

    /// <summary>The node has too much to do of this kind; it will have done it soon.</summary>
    public static Error Busy(string message) => new(ErrorCode.Unavailable, message) { RetryAfterSeconds = 1 };

    public static Error Unexpected() =>
        new(ErrorCode.Internal, "An unexpected error occurred. The server log has the cause.");

    public static Error TooLarge(long limitBytes) =>
        new(ErrorCode.PayloadTooLarge, $"The body is larger than {limitBytes} bytes.");

    /// <summary>
    /// One answer for all errors of a stage: the error itself if it is the only one, else an aggregate of the first ones.
    /// </summary>
    /// <param name="errors">At least one, in the order of the input fields; no aggregates.</param>
    public static Error Combine(IReadOnlyList<Error> errors) =>
        errors is [var single]
            ? single
            : new Error(ErrorCode.AggregateErrors, JoinMessages(errors), Errors: [.. errors.Take(MostTold)]);

    /// <summary>The code that decides the status: an aggregate answers like the best of its children.</summary>
    [JsonIgnore]
    public ErrorCode DecidingCode => Errors is null ? Code : Errors.Min(child => child.Code);

    public Task ExecuteAsync(HttpContext httpContext) => ErrorResponses.WriteAsync(httpContext, this);

    private static string JoinMessages(IReadOnlyList<Error> errors)
    {
        var shown = string.Join(' ', errors.Take(MessagesShown).Select(error => error.Message));
        return errors.Count switch
        {
            <= MessagesShown => shown,
            <= MostTold => $"{shown} And {errors.Count - MessagesShown} more.",
            _ => $"{shown} And many more; the first {MostTold} are told.",
        };
    }

    private static OrderedDictionary<string, object> Ordered(IReadOnlyList<(string Name, object Value)> identifiers) =>
        new(identifiers.Select(pair => KeyValuePair.Create(pair.Name, pair.Value)));

    private static string Describe(IReadOnlyList<(string Name, object Value)> identifiers) =>
        string.Join(", ", identifiers.Select(pair => $"{pair.Name} {JsonSerializer.Serialize(pair.Value, ErrorResponses.Json)}"));
}
