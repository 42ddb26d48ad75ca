using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace Pandora.Tests.Rpc;

/// <summary>
/// A gRPC client on bare HTTP/2 that can also do what a proper client never does: broken frames, odd headers, other
/// methods. All calls share one connection.
/// </summary>
/// <param name="from">Any address of the loopback network, to be another peer. Null: 127.0.0.1.</param>
internal sealed class GrpcClient(Uri address, string? from = null) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { ConnectCallback = (context, ct) => ConnectAsync(context.DnsEndPoint, from, ct) })
    {
        BaseAddress = address,
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>One message out, one status and at most one message back.</summary>
    /// <param name="path">Such as <c>/api_key.v1.APIKeyService/Validate</c>.</param>
    /// <param name="adjust">Changes the request before it is sent: headers, content.</param>
    public async Task<GrpcReply<TResponse>> CallAsync<TResponse>(
        string path, IMessage request, MessageParser<TResponse> parser, CancellationToken ct, Action<HttpRequestMessage>? adjust = null)
        where TResponse : class, IMessage<TResponse>
    {
        var reply = await SendAsync(path, Frame(request), ct, adjust);
        return new GrpcReply<TResponse>(reply, parser);
    }

    /// <summary>Sends any bytes as the body and reads the answer to its end.</summary>
    public Task<GrpcReply> SendAsync(string path, byte[] body, CancellationToken ct, Action<HttpRequestMessage>? adjust = null) =>
        SendAsync(path, new ByteArrayContent(body), ct, adjust);

    /// <inheritdoc cref="SendAsync(string, byte[], CancellationToken, Action{HttpRequestMessage}?)"/>
    public async Task<GrpcReply> SendAsync(string path, HttpContent body, CancellationToken ct, Action<HttpRequestMessage>? adjust = null)
    {
        using var request = Request(path, body, adjust);
        using var response = await _http.SendAsync(request, ct);
        var bytes = await response.Content.ReadAsByteArrayAsync(ct);
        return new GrpcReply(response, bytes);
    }

    /// <summary>One message out, any number back, as they come.</summary>
    public async Task<GrpcServerStream<TResponse>> OpenAsync<TResponse>(
        string path, IMessage request, MessageParser<TResponse> parser, CancellationToken ct, Action<HttpRequestMessage>? adjust = null)
        where TResponse : class, IMessage<TResponse>
    {
        using var message = Request(path, new ByteArrayContent(Frame(request)), adjust);
        var response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, ct);
        return new GrpcServerStream<TResponse>(response, await response.Content.ReadAsStreamAsync(ct), parser);
    }

    public static byte[] Frame(IMessage message) => Frame(message.ToByteArray());

    /// <param name="flag">0: plain. 1: compressed. Others do not exist.</param>
    public static byte[] Frame(byte[] payload, byte flag = 0)
    {
        var frame = new byte[5 + payload.Length];
        frame[0] = flag;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), payload.Length);
        payload.CopyTo(frame, 5);
        return frame;
    }

    public static byte[] Gzip(byte[] payload)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal))
        {
            gzip.Write(payload);
        }
        return compressed.ToArray();
    }

    public void Dispose() => _http.Dispose();

    private static async ValueTask<Stream> ConnectAsync(DnsEndPoint address, string? from, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (from is not null)
            {
                socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
            }
            await socket.ConnectAsync(address, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static HttpRequestMessage Request(string path, HttpContent body, Action<HttpRequestMessage>? adjust)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body };
        request.Version = HttpVersion.Version20;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        body.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        adjust?.Invoke(request);
        return request;
    }
}

/// <summary>A server stream that is being read.</summary>
internal sealed class GrpcServerStream<TResponse>(HttpResponseMessage response, Stream body, MessageParser<TResponse> parser) : IDisposable
    where TResponse : class, IMessage<TResponse>
{
    /// <summary>Known once every message was read.</summary>
    public GrpcReply End => new(response, []);

    public async IAsyncEnumerable<TResponse> ReadAllAsync([EnumeratorCancellation] CancellationToken ct)
    {
        while (await ReadAsync(ct) is { } message)
        {
            yield return message;
        }
    }

    /// <summary>Null when there is no further message.</summary>
    public async Task<TResponse?> ReadAsync(CancellationToken ct)
    {
        var prefix = new byte[5];
        var read = await body.ReadAtLeastAsync(prefix, prefix.Length, throwOnEndOfStream: false, ct);
        if (read == 0)
        {
            return null;
        }
        var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(prefix.AsSpan(1))];
        await body.ReadExactlyAsync(payload, ct);
        return parser.ParseFrom(payload);
    }

    public void Dispose() => response.Dispose();
}
