using System.IO.Pipelines;
using Google.Protobuf;

namespace Pandora.Core.Grpc;

/// <summary>What the call headers settle before a method begins.</summary>
/// <param name="Gzip">Whether the messages of the caller may be compressed.</param>
/// <param name="HasDeadline">Whether <paramref name="Ended"/> also fires at a deadline of the caller.</param>
/// <param name="Ended">Fires when the caller is gone or its deadline has passed.</param>
internal readonly record struct CallTerms(bool Gzip, bool HasDeadline, CancellationToken Ended);

/// <summary>One method of the dispatch table.</summary>
/// <param name="path">As in the request line, such as <c>/api_key.v1.APIKeyService/Validate</c>.</param>
internal abstract class GrpcMethod(string path)
{
    public string Path { get; } = path;

    /// <summary>Reads, works and writes; the status is left to the caller to write.</summary>
    public abstract ValueTask<GrpcStatus> ServeAsync(HttpContext context, CallTerms terms);
}

/// <summary>Answers one message with one message.</summary>
internal delegate ValueTask<GrpcResult<TResponse>> UnaryHandler<TRequest, TResponse>(TRequest request, CancellationToken ct)
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

/// <summary>The messages of one streaming call.</summary>
internal sealed class GrpcStream<TRequest, TResponse>(
    PipeReader requests, PipeWriter responses, MessageParser<TRequest> parser, bool gzip)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    /// <summary>Neither message nor refusal when the caller has sent its last one.</summary>
    public ValueTask<GrpcResult<TRequest>> ReadAsync(CancellationToken ct) =>
        Framing.ReadAsync(requests, parser, gzip, ct);

    /// <summary>Sends a message and waits while the caller is slower than we are.</summary>
    public async ValueTask WriteAsync(TResponse message, CancellationToken ct)
    {
        Framing.Write(responses, message);
        await responses.FlushAsync(ct);
    }
}
