using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using Pandora.Core.Transport;

namespace Pandora.Core.Rpc;

/// <summary>What a service needs of a call beside its message.</summary>
internal static class CallContexts
{
    /// <summary>Who makes the call; and, now that the message is read, the memory that it really takes.</summary>
    public static Peer PeerOf(this ServerCallContext context, IMessage message)
    {
        var http = context.GetHttpContext();
        if (http.Request.Headers.GrpcEncoding.Count > 0)
        {
            http.Features.Get<MessageBudget.Lease>()?.ShrinkTo(message.CalculateSize());
        }
        return new Peer(http.Features.Get<IHttpConnectionFeature>()?.RemoteIpAddress);
    }
}
