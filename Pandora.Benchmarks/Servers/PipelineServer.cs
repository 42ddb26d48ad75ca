using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Pandora.Benchmarks.Load;
using Pandora.Core;
using Pandora.Core.Rpc;
using Pandora.Protos.ApiKey.V1;

namespace Pandora.Benchmarks.Servers;

/// <summary>
/// The method of the ceiling, served as a web application usually serves one: by the host, through routing, from an
/// endpoint. Between this and <see cref="CeilingServer"/> lies what the product's own binding leaves out.
/// </summary>
internal static class PipelineServer
{
    private const int NotCompressed = 0;

    public static async Task<int> RunAsync()
    {
        var stop = StopSignal.Listen();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http2));
        await using var app = builder.Build();
        app.MapPost(CallPath.Of(CallKind.ValidateConsume).Path, ServeAsync);
        await app.StartAsync(stop);
        ChildLines.Reply(string.Create(CultureInfo.InvariantCulture, $"{new Uri(app.Urls.Single()).Port} "));
        await ServedNode.AnswerParentAsync();
        return 0;
    }

    private static async Task ServeAsync(HttpContext context)
    {
        var response = context.Response;
        response.ContentType = "application/grpc";
        var answer = await AnswerAsync(context.Request.BodyReader, context.RequestAborted);
        if (answer.Message is null)
        {
            answer.Refusal!.WriteTo(response.Headers);
            return;
        }
        Write(response.BodyWriter, answer.Message);
        response.AppendTrailer("grpc-status", "0");
    }

    private static async ValueTask<GrpcResult<ValidateConsumeResponse>> AnswerAsync(PipeReader body, CancellationToken ct)
    {
        var read = await body.ReadAsync(ct);
        while (!read.IsCompleted)
        {
            body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            read = await body.ReadAsync(ct);
        }
        var request = Parse(read.Buffer);
        body.AdvanceTo(read.Buffer.End);
        return request is null ? Framing.Unreadable : CeilingMethod.Answer(request);
    }

    /// <summary>Null: this is not one message that can be read.</summary>
    private static ValidateRequest? Parse(in ReadOnlySequence<byte> body)
    {
        var reader = new SequenceReader<byte>(body);
        if (!reader.TryRead(out var compression)
            || compression != NotCompressed
            || !reader.TryReadBigEndian(out int length)
            || length != reader.Remaining)
        {
            return null;
        }
        try
        {
            return ValidateRequest.Parser.ParseFrom(reader.UnreadSequence);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private static void Write(PipeWriter body, ValidateConsumeResponse message)
    {
        var prefix = body.GetSpan(RequestBodies.PrefixBytes);
        prefix[0] = NotCompressed;
        BinaryPrimitives.WriteInt32BigEndian(prefix[1..], message.CalculateSize());
        body.Advance(RequestBodies.PrefixBytes);
        message.WriteTo(body);
    }
}
