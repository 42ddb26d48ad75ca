using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace Pandora.Core.Rpc;

/// <summary>Reads the one request message of a call.</summary>
internal static class SingleRequest
{
    private static readonly GrpcStatus None = new(GrpcCode.Internal, "The call carries no request message.");

    public static ValueTask<GrpcResult<T>> ReadAsync<T>(PipeReader body, MessageParser<T> parser, CallTerms terms)
        where T : class, IMessage<T>
    {
        var read = ReadWholeAsync(body, parser, terms);
        return read.IsCompleted ? read : WaitAsync(read, body, terms.Patience);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<GrpcResult<T>> ReadWholeAsync<T>(
        PipeReader body, MessageParser<T> parser, CallTerms terms)
        where T : class, IMessage<T>
    {
        var request = await Framing.ReadAsync(body, parser, terms.Gzip, terms.Ended);
        if (request.Refusal is not null)
        {
            return request;
        }
        if (request.Message is null)
        {
            return None;
        }
        return await Framing.ReadEndAsync(body, terms.Ended) is { } fault ? fault : request;
    }

    /// <summary>Only messages that were not there at once cost a timer.</summary>
    private static async ValueTask<GrpcResult<T>> WaitAsync<T>(
        ValueTask<GrpcResult<T>> read, PipeReader body, TimeSpan patience)
        where T : class
    {
        // Disposing waits for a tick under way, so that it cannot reach the next call that uses this pipe.
        await using var timer = new Timer(
            static state => ((PipeReader)state!).CancelPendingRead(), body, patience, Timeout.InfiniteTimeSpan);
        return await read;
    }
}
