using System.IO.Pipelines;
using Google.Protobuf;

namespace Pandora.Core.Rpc;

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
