using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Primitives;
using Pandora.Core.Errors;
using Pandora.Core.Gate;
using Pandora.Protos.Rpc;
using FieldViolation = Pandora.Protos.Rpc.BadRequest.Types.FieldViolation;
using RpcStatus = Pandora.Protos.Rpc.Status;

namespace Pandora.Core.Rpc;

/// <summary>The status codes of gRPC that this server uses; the number is what goes over the wire.</summary>
internal enum GrpcCode
{
    Ok = 0,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// <summary>
/// How a call ended, ready to be written. The only place that turns errors and exceptions into gRPC codes.
/// </summary>
internal sealed class GrpcStatus
{
    private const string DetailsTrailer = "grpc-status-details-bin";

    private static readonly FrozenDictionary<GrpcCode, string> Words = System.Enum.GetValues<GrpcCode>()
        .ToFrozenDictionary(code => code, code => JsonNamingPolicy.SnakeCaseUpper.ConvertName(code.ToString()));

    public static readonly GrpcStatus Ok = new(GrpcCode.Ok, "");
    public static readonly GrpcStatus Unexpected = Of(Error.Unexpected());
    public static readonly GrpcStatus Unavailable = Of(Error.Unavailable());
    public static readonly GrpcStatus IdempotencyConflict = OtherCall("ValidateRequest", "idempotency_key");
    public static readonly GrpcStatus DeadlineExceeded = new(GrpcCode.DeadlineExceeded, "The deadline has passed.");

    private readonly StringValues _code;
    private readonly StringValues _message;
    private readonly StringValues _details;

    /// <param name="message">For people, under the same rule as <see cref="Error.Message"/>.</param>
    /// <param name="details">What programs can read out of the status: a message of google.rpc. Null: nothing.</param>
    public GrpcStatus(GrpcCode code, string message, IMessage? details = null)
    {
        Code = code;
        _code = ((int)code).ToString(CultureInfo.InvariantCulture);
        _message = message.Length == 0 ? StringValues.Empty : PercentEncode(message);
        _details = details is null ? StringValues.Empty : Pack(code, message, details);
    }

    public GrpcCode Code { get; }

    /// <summary>The code by its name in the specification, such as <c>INVALID_ARGUMENT</c>.</summary>
    public string Word => Words[Code];

    /// <summary>Whether the server is to blame, by the semantic conventions for spans of servers.</summary>
    public bool IsFault =>
        Code is GrpcCode.Unimplemented or GrpcCode.Internal or GrpcCode.Unavailable or GrpcCode.DeadlineExceeded;

    public static GrpcStatus Of(Error error) => new(CodeOf(error.DecidingCode), error.Message, DetailsOf(error));

    /// <summary><see cref="Unexpected"/> for everything that is a fault of ours and belongs in the log.</summary>
    public static GrpcStatus Of(Exception exception) => exception switch
    {
        GateUnavailableException => Unavailable,
        IdempotencyConflictException => IdempotencyConflict,
        // A body that the listener gave up on; an IOException, but none of the database.
        BadHttpRequestException => Framing.Unreadable,
        _ => DatabaseFaults.IsUnavailable(exception) ? Unavailable : Unexpected,
    };

    /// <summary>The idempotency key in <paramref name="field"/> was used for another call.</summary>
    public static GrpcStatus OtherCall(string entity, string field)
    {
        var faults = new InputFaults(entity);
        faults.Add(field, $"{field} was used for another call within the last 24 hours.");
        return faults.Found!;
    }

    /// <summary>Adds the status to the headers of an answer without a message, or else to its trailers.</summary>
    public void WriteTo(IHeaderDictionary target)
    {
        target.GrpcStatus = _code;
        if (_message.Count > 0)
        {
            target.GrpcMessage = _message;
        }
        if (_details.Count > 0)
        {
            target[DetailsTrailer] = _details;
        }
    }

    private static GrpcCode CodeOf(ErrorCode code) => code switch
    {
        ErrorCode.Unauthorized => GrpcCode.Unauthenticated,
        ErrorCode.Forbidden => GrpcCode.PermissionDenied,
        ErrorCode.NotFound => GrpcCode.NotFound,
        ErrorCode.AlreadyExists => GrpcCode.AlreadyExists,
        ErrorCode.ValidationFailed => GrpcCode.InvalidArgument,
        ErrorCode.Unavailable => GrpcCode.Unavailable,
        ErrorCode.TooManyRequests or ErrorCode.PayloadTooLarge => GrpcCode.ResourceExhausted,
        _ => GrpcCode.Internal,
    };

    private static IMessage? DetailsOf(Error error)
    {
        if (error.RetryAfterSeconds is { } seconds)
        {
            return new RetryInfo { RetryDelay = new Duration { Seconds = seconds } };
        }

        var violations = new BadRequest();
        foreach (var child in error.Errors ?? [error])
        {
            if (child is { Code: ErrorCode.ValidationFailed, Loc: { } field })
            {
                violations.FieldViolations.Add(new FieldViolation { Field = field, Description = child.Message });
            }
        }
        return violations.FieldViolations.Count > 0 ? violations : null;
    }

    /// <summary>Base64 without padding, as the protocol wants binary headers.</summary>
    private static string Pack(GrpcCode code, string message, IMessage details)
    {
        var status = new RpcStatus { Code = (int)code, Message = message, Details = { Any.Pack(details) } };
        return Convert.ToBase64String(status.ToByteArray()).TrimEnd('=');
    }

    /// <summary>Leaves printable ASCII but for the percent sign; writes every other byte of UTF-8 as %XX.</summary>
    private static string PercentEncode(string text)
    {
        var encoded = new StringBuilder(text.Length);
        foreach (var unit in Encoding.UTF8.GetBytes(text))
        {
            if (unit is >= (byte)' ' and <= (byte)'~' and not (byte)'%')
            {
                encoded.Append((char)unit);
            }
            else
            {
                encoded.Append('%').Append(unit.ToString("X2", CultureInfo.InvariantCulture));
            }
        }
        return encoded.ToString();
    }
}
