using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace Pandora.Core.Grpc;

/// <summary>Reads the one request message of a call.</summary>
internal static class SingleRequest
{
    /// <summary>How long a caller may take to send its message whole.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly GrpcStatus None = new(GrpcCode.Internal, "The call carries no request message.");

    public static ValueTask<GrpcResult<T>> ReadAsync<T>(PipeReader body, MessageParser<T> parser, CallTerms terms)
        where T : class, IMessage<T>
    {
        var read = ReadWholeAsync(body, parser, terms);
        return read.IsCompleted ? read : WaitAsync(read, body);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<GrpcResult<T>> ReadWholeAsync<T>(PipeReader body, MessageParser<T> parser, CallTerms terms)
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
    private static async ValueTask<GrpcResult<T>> WaitAsync<T>(ValueTask<GrpcResult<T>> read, PipeReader body)
        where T : class
    {
        // Disposing waits for a tick under way, so that it cannot reach the next call that uses this pipe.
        await using var timer = new Timer(static state => ((PipeReader)state!).CancelPendingRead(), body, Patience, Timeout.InfiniteTimeSpan);
        return await read;
    }
}

/// <summary>One message in, one out: the hot path.</summary>
internal sealed class UnaryMethod<TRequest, TResponse>(
    string path, MessageParser<TRequest> parser, UnaryHandler<TRequest, TResponse> handler) : GrpcMethod(path)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    private readonly MessageParser<TRequest> _parser = parser.WithDiscardUnknownFields(true);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<GrpcStatus> ServeAsync(HttpContext context, CallTerms terms)
    {
        var request = await SingleRequest.ReadAsync(context.Request.BodyReader, _parser, terms);
        if (request.Message is null)
        {
            return request.Refusal!;
        }

        var work = handler(request.Message, terms.Ended);
        // The caller hears of its deadline at that moment, even from work that is slow to notice its cancellation.
        var answer = terms.HasDeadline && !work.IsCompleted
            ? await work.AsTask().WaitAsync(terms.Ended)
            : await work;
        if (answer.Message is null)
        {
            return answer.Refusal!;
        }
        Framing.Write(context.Response.BodyWriter, answer.Message);
        return GrpcStatus.Ok;
    }
}

/// <summary>One message in, any number out.</summary>
internal sealed class ServerStreamMethod<TRequest, TResponse>(
    string path, MessageParser<TRequest> parser, ServerStreamHandler<TRequest, TResponse> handler) : GrpcMethod(path)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    public override async ValueTask<GrpcStatus> ServeAsync(HttpContext context, CallTerms terms)
    {
        var body = context.Request.BodyReader;
        var request = await SingleRequest.ReadAsync(body, parser, terms);
        if (request.Message is null)
        {
            return request.Refusal!;
        }
        var stream = new GrpcStream<TRequest, TResponse>(body, context.Response.BodyWriter, parser, terms.Gzip);
        return await handler(request.Message, stream, terms.Ended);
    }
}

/// <summary>Any number of messages in and out.</summary>
internal sealed class StreamMethod<TRequest, TResponse>(
    string path, MessageParser<TRequest> parser, StreamHandler<TRequest, TResponse> handler) : GrpcMethod(path)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    public override ValueTask<GrpcStatus> ServeAsync(HttpContext context, CallTerms terms) =>
        handler(
            new GrpcStream<TRequest, TResponse>(context.Request.BodyReader, context.Response.BodyWriter, parser, terms.Gzip),
            terms.Ended);
}
