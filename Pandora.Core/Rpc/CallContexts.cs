using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;

namespace Pandora.Core.Rpc;

/// <summary>What a service needs of a call beside its message.</summary>
internal static class CallContexts
{
    /// <summary>The address that the call came from; and, now that the message is read, the memory that it really takes.</summary>
    public static IPAddress? PeerOf(this ServerCallContext context, IMessage message)
    {
        var http = context.GetHttpContext();
        if (http.Request.Headers.GrpcEncoding.Count > 0)
        {
            http.Features.Get<MessageBudget.Lease>()?.ShrinkTo(message.CalculateSize());
        }
        return http.Features.Get<IHttpConnectionFeature>()?.RemoteIpAddress;
    }
}
