using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Pandora.Benchmarks.Load;
using Pandora.Core;
using Pandora.Protos.ApiKey.V1;

namespace Pandora.Benchmarks.Servers;

/// <summary>
/// The ceiling: Kestrel with the least that can be called gRPC in front of any host, and a method that reads and checks
/// the message and answers at once. No node can be faster than this, and all that is measured is compared with it.
/// </summary>
internal static class CeilingServer
{
    private const int CallsPerConnection = 1000;
    private const int WindowBytes = 1_048_576;
    private const int NotCompressed = 0;

    public static async Task<int> RunAsync()
    {
        var stop = StopSignal.Listen();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            // As the product sets them.
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.Http2.MaxStreamsPerConnection = CallsPerConnection;
            kestrel.Limits.Http2.InitialConnectionWindowSize = WindowBytes;
            kestrel.Limits.Http2.InitialStreamWindowSize = WindowBytes;
            kestrel.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http2);
        });
        await using var app = builder.Build();
        var server = app.Services.GetRequiredService<IServer>(); // without the host, which is not started
        await server.StartAsync(new Application(), stop);
        var address = server.Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        ChildLines.Reply(string.Create(CultureInfo.InvariantCulture, $"{new Uri(address).Port} "));
        await ServedNode.AnswerParentAsync();
        return 0;
    }

    private static async Task ServeAsync(HttpContext context)
    {
        var response = context.Response;
        response.ContentType = "application/grpc";
        var body = context.Request.BodyReader;
        var read = await body.ReadAsync(context.RequestAborted);
        while (!read.IsCompleted)
        {
            body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            read = await body.ReadAsync(context.RequestAborted);
        }
        var request = Parse(read.Buffer);
        body.AdvanceTo(read.Buffer.End);
        Write(response.BodyWriter, CeilingMethod.Answer(request));
        response.AppendTrailer("grpc-status", "0");
    }

    private static ValidateRequest Parse(in ReadOnlySequence<byte> body)
    {
        var reader = new SequenceReader<byte>(body);
        return reader.TryRead(out var compression)
            && compression == NotCompressed
            && reader.TryReadBigEndian(out int length)
            && length == reader.Remaining
                ? ValidateRequest.Parser.ParseFrom(reader.UnreadSequence)
                : throw new InvalidDataException("The body is not one message.");
    }

    private static void Write(PipeWriter body, ValidateConsumeResponse message)
    {
        var size = message.CalculateSize();
        var span = body.GetSpan(RequestBodies.PrefixBytes + size);
        span[0] = NotCompressed;
        BinaryPrimitives.WriteInt32BigEndian(span[1..], size);
        message.WriteTo(span.Slice(RequestBodies.PrefixBytes, size));
        body.Advance(RequestBodies.PrefixBytes + size);
    }

    /// <summary>Lends each stream of a connection one context, again and again.</summary>
    private sealed class Application : IHttpApplication<DefaultHttpContext>
    {
        public DefaultHttpContext CreateContext(IFeatureCollection contextFeatures)
        {
            var context = contextFeatures is IHostContextContainer<DefaultHttpContext> place
                ? place.HostContext ??= new DefaultHttpContext()
                : new DefaultHttpContext();
            context.Initialize(contextFeatures);
            return context;
        }

        public Task ProcessRequestAsync(DefaultHttpContext context) => ServeAsync(context);

        public void DisposeContext(DefaultHttpContext context, Exception? exception) => context.Uninitialize();
    }
}
