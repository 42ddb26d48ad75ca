using System.Runtime.CompilerServices;
using Google.Protobuf;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Rpc;

/// <summary>What the call headers settle before a method begins.</summary>
/// <param name="Gzip">Whether the messages of the caller may be compressed.</param>
/// <param name="HasDeadline">Whether <paramref name="Ended"/> also fires at a deadline of the caller.</param>
/// <param name="Patience">How long the caller may take to send the one message of a call whole.</param>
/// <param name="Ended">Fires when the caller is gone or its deadline has passed.</param>
internal readonly record struct CallTerms(bool Gzip, bool HasDeadline, TimeSpan Patience, CancellationToken Ended);

/// <summary>One method of the dispatch table.</summary>
/// <param name="path">As in the request line, such as <c>/api_key.v1.APIKeyService/Validate</c>.</param>
internal abstract class GrpcMethod(string path)
{
    private const string NotOurs = "/grpc.";

    public string Path { get; } = path;

    /// <summary>Null: health and reflection are asked too often to tell anything.</summary>
    public WatchedMethod? Watched { get; } = path.StartsWith(NotOurs, StringComparison.Ordinal) ? null : new(path[1..]);

    /// <summary>Reads, works and writes; the status is left to the caller to write.</summary>
    public abstract ValueTask<GrpcStatus> ServeAsync(HttpContext context, CallTerms terms);
}

/// <summary>Answers one message with one message.</summary>
internal delegate ValueTask<GrpcResult<TResponse>> UnaryHandler<TRequest, TResponse>(
    TRequest request, CancellationToken ct)
    where TResponse : class;

/// <summary>Answers any number of messages with any number of messages.</summary>
internal delegate ValueTask<GrpcStatus> StreamHandler<TRequest, TResponse>(
    GrpcStream<TRequest, TResponse> stream, CancellationToken ct)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>;

/// <summary>Answers one message with any number of messages.</summary>
internal delegate ValueTask<GrpcStatus> ServerStreamHandler<TRequest, TResponse>(
    TRequest request, GrpcStream<TRequest, TResponse> stream, CancellationToken ct)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>;

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
            new(context.Request.BodyReader, context.Response.BodyWriter, parser, terms.Gzip),
            terms.Ended);
}
