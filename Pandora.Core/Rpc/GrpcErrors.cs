using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Microsoft.AspNetCore.Connections;
using Pandora.Core.Errors;
using Pandora.Core.Gate;
using Error = Pandora.Core.Errors.Error;
using FieldViolation = Google.Rpc.BadRequest.Types.FieldViolation;
using RpcStatus = Google.Rpc.Status;

namespace Pandora.Core.Rpc;

/// <summary>The only place that turns errors and exceptions into the statuses of gRPC.</summary>
internal static class GrpcErrors
{
    public static readonly RpcStatus Unexpected = StatusOf(Error.Unexpected());
    public static readonly RpcStatus Unavailable = StatusOf(Error.Unavailable());

    /// <summary>There is no room for another call; in a moment there is.</summary>
    public static readonly RpcStatus Busy = StatusOf(Error.Unavailable() with { Message = "Too much is being read at the same time. Try again shortly." });

    private static readonly RpcStatus Unreadable =
        new() { Code = (int)StatusCode.Internal, Message = "The request message cannot be read." };

    private static readonly RpcStatus TooLarge = new()
    {
        Code = (int)StatusCode.ResourceExhausted,
        Message = $"The request message is larger than {RpcPipeline.MaxMessageBytes} bytes.",
    };

    private static readonly RpcStatus IdempotencyConflict = StatusOf(OtherCall("ValidateRequest", "idempotency_key"));

    /// <summary>To be thrown by a service; carries google.rpc.BadRequest or RetryInfo where the error has something for them.</summary>
    public static RpcException Of(Error error) => ToException(StatusOf(error));

    public static RpcException ToException(RpcStatus status) =>
        status.Details.Count > 0 ? status.ToRpcException() : new RpcException(new((StatusCode)status.Code, status.Message));

    /// <summary>What a caller hears of an exception: <see cref="Unexpected"/> if it is a fault of ours and belongs in the log.</summary>
    public static RpcStatus StatusOf(Exception? exception) => exception switch
    {
        GateUnavailableException => Unavailable,
        IdempotencyConflictException => IdempotencyConflict,
        // No frame of gRPC, no gzip, no protobuf, or a body that the listener gave up on.
        InvalidDataException or InvalidProtocolBufferException or BadHttpRequestException => Unreadable,
        // Itself and nothing derived: a length that needs all 32 bits. Those of the database come within others.
        IOException when exception.GetType() == typeof(IOException) => TooLarge,
        // The caller is gone, and with it the reader of any status; the database has nothing to do with it.
        ConnectionResetException => Unreadable,
        not null when DatabaseFaults.IsUnavailable(exception) => Unavailable,
        _ => Unexpected,
    };

    /// <summary>The idempotency key in <paramref name="field"/> was used for another call.</summary>
    public static Error OtherCall(string entity, string field) =>
        Error.Field(entity, field, $"{field} was used for another call within the last 24 hours.");

    private static RpcStatus StatusOf(Error error)
    {
        var status = new RpcStatus { Code = (int)CodeOf(error.DecidingCode), Message = error.Message };
        if (DetailsOf(error) is { } details)
        {
            status.Details.Add(Any.Pack(details));
        }
        return status;
    }

    private static StatusCode CodeOf(ErrorCode code) => code switch
    {
        ErrorCode.Unauthorized => StatusCode.Unauthenticated,
        ErrorCode.Forbidden => StatusCode.PermissionDenied,
        ErrorCode.NotFound => StatusCode.NotFound,
        ErrorCode.AlreadyExists => StatusCode.AlreadyExists,
        ErrorCode.ValidationFailed => StatusCode.InvalidArgument,
        ErrorCode.Unavailable => StatusCode.Unavailable,
        ErrorCode.TooManyRequests or ErrorCode.PayloadTooLarge => StatusCode.ResourceExhausted,
        _ => StatusCode.Internal,
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
}
