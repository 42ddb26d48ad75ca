using Grpc.Core;
using Pandora.Core.Gate;
using RpcStatus = Google.Rpc.Status;

namespace Pandora.Core.Rpc;

/// <summary>Tells callers what an exception means for them, and the operator which of them are faults of ours.</summary>
internal sealed partial class CallFaults(ILogger<CallFaults> logger)
{
    /// <param name="method">By its path, such as <c>/api_key.v1.APIKeyService/Validate</c>.</param>
    /// <param name="exception">What ended the call. Null: nobody knows.</param>
    public RpcStatus Explain(string method, Exception? exception)
    {
        var status = GrpcErrors.StatusOf(exception);
        if (status == GrpcErrors.Unexpected)
        {
            Log.CallFailed(logger, method, exception);
        }
        else if (status == GrpcErrors.Unavailable && exception is not GateUnavailableException) // the gate logs its own
        {
            Log.CallRefused(logger, method, exception!.GetType().Name, exception.Message);
        }
        return status;
    }

    /// <summary>Whether it says nothing to a caller yet who is still there to hear it.</summary>
    public static bool IsUnexplained(Exception exception, ServerCallContext call) =>
        exception is not RpcException && !call.CancellationToken.IsCancellationRequested;

    /// <summary>The same, to be thrown by a service.</summary>
    public RpcException Explain(ServerCallContext call, Exception exception) =>
        GrpcErrors.ToException(Explain(call.Method, exception));

    private static partial class Log
    {
        [LoggerMessage(5001, LogLevel.Error, "{Method} failed unexpectedly")]
        public static partial void CallFailed(ILogger logger, string method, Exception? exception);

        [LoggerMessage(5002, LogLevel.Warning, "{Method} refused: the database is not available ({Type}: {Message})")]
        public static partial void CallRefused(ILogger logger, string method, string type, string message);
    }
}
