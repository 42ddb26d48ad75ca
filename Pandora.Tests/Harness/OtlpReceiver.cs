using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Pandora.Tests.Harness;

/// <summary>A collector: takes OTLP over gRPC and over HTTP, decodes it, and keeps everything that arrives.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private const int GrpcPrefixBytes = 5;

    private readonly ConcurrentQueue<Export> _exports = new();
    private readonly TaskCompletionSource _ending = new();
    private readonly WebApplication _app;

    private OtlpReceiver(WebApplication app) => _app = app;

    /// <summary>For <c>OTEL_EXPORTER_OTLP_PROTOCOL=grpc</c>.</summary>
    public string GrpcEndpoint => _app.Urls.First();

    /// <summary>For <c>OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf</c>.</summary>
    public string HttpEndpoint => _app.Urls.Last();

    /// <summary>Whether it takes what comes, and never answers.</summary>
    public bool IsSilent { get; set; }

    public IReadOnlyCollection<Export> Exports => _exports;

    public IReadOnlyList<ReceivedSpan> Spans => [.. Of("trace").SelectMany(Received.Spans)];

    public IReadOnlyList<ReceivedMetric> Metrics => [.. Of("metrics").SelectMany(Received.Metrics)];

    public IReadOnlyList<ReceivedLog> Logs => [.. Of("logs").SelectMany(Received.Logs)];

    public static async Task<OtlpReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http2);
            kestrel.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http1);
        });
        var app = builder.Build();
        var receiver = new OtlpReceiver(app);
        app.Run(receiver.TakeAsync);
        await app.StartAsync();
        return receiver;
    }

    /// <summary>Whether a text stands anywhere in what arrived, decoded or not, or in the headers it came with but those named.</summary>
    public bool Holds(string text, params string[] exceptHeaders) =>
        _exports.Any(export =>
            export.Message.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0
            || export.Headers.Any(header => !exceptHeaders.Contains(header.Key) && header.Value.Contains(text, StringComparison.Ordinal)));

    /// <summary>Waits until what is expected has arrived.</summary>
    public Task UntilAsync(string expectation, Func<OtlpReceiver, bool> hasArrived) =>
        Eventually.HoldsAsync(expectation, () => Task.FromResult(hasArrived(this)), TimeSpan.FromSeconds(30), Describe);

    public async ValueTask DisposeAsync()
    {
        _ending.TrySetResult();
        await _app.DisposeAsync();
    }

    private IEnumerable<byte[]> Of(string signal) =>
        _exports.Where(export => export.Path.Contains(signal, StringComparison.OrdinalIgnoreCase)).Select(export => export.Message);

    private string Describe() =>
        $"""
        spans: {string.Join(", ", Spans.Select(span => $"{span.Source}/{span.Name}").Distinct())}
        metrics: {string.Join(", ", Metrics.Select(metric => $"{metric.Meter}/{metric.Name}").Distinct())}
        logs: {string.Join(" | ", Logs.Select(log => log.Body))}
        """;

    private async Task TakeAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var isGrpc = context.Request.ContentType == "application/grpc";
        var message = isGrpc ? Unframe(body.ToArray()) : body.ToArray();
        var isCompressed = isGrpc ? body.GetBuffer()[0] == 1 : context.Request.Headers.ContentEncoding == "gzip";
        _exports.Enqueue(new Export(
            context.Request.Protocol, context.Request.Path, context.Request.ContentType ?? "", isCompressed,
            context.Request.Headers.ToDictionary(header => header.Key.ToLowerInvariant(), header => header.Value.ToString()),
            isCompressed ? Unzip(message) : message));
        if (IsSilent)
        {
            await _ending.Task;
        }
        context.Response.ContentType = context.Request.ContentType;
        if (isGrpc)
        {
            await context.Response.Body.WriteAsync(new byte[GrpcPrefixBytes]); // an empty message
            context.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers["grpc-status"] = "0";
        }
    }

    private static byte[] Unframe(byte[] body) =>
        body.AsSpan(GrpcPrefixBytes, (int)BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(1))).ToArray();

    private static byte[] Unzip(byte[] message)
    {
        using var unzipped = new MemoryStream();
        using (var gzip = new GZipStream(new MemoryStream(message), CompressionMode.Decompress))
        {
            gzip.CopyTo(unzipped);
        }
        return unzipped.ToArray();
    }

    /// <summary>One request of an exporter.</summary>
    /// <param name="Protocol">HTTP/1.1 or HTTP/2.</param>
    /// <param name="Headers">By names in lower case.</param>
    /// <param name="Message">Decompressed and without the frame.</param>
    internal sealed record Export(
        string Protocol, string Path, string ContentType, bool IsCompressed, IReadOnlyDictionary<string, string> Headers, byte[] Message);
}
