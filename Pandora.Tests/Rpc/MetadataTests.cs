using System.Net;
using System.Text;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Pandora.Tests.Harness;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Pandora.Tests.Rpc;

/// <summary>Calls with more metadata than anybody needs, over a connection that others use.</summary>
[Collection(MeasuredAlone.Name)]
public sealed class MetadataTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>How many entries, of how many bytes together, and what becomes of the call.</summary>
    public static TheoryData<int, int, bool> Sizes => new()
    {
        { 1, 33_000, true },
        { 1, 65_000, true },
        { 2, 65_000, true },
        { 500, 60_000, true },
        { 1, 70_000, false },
        { 10, 70_000, false },
        { 1, 100_000, false },
        { 4, 120_000, false },
        { 1, 200_000, false },
        { 1, 500_000, false },
        { 50, 1_000_000, false },
        { 950, 20_000, true },
        { 1_100, 20_000, false },
        { 3_500, 60_000, false },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task Too_much_of_it_costs_its_own_call_alone(int entries, int bytes, bool isServed)
    {
        var connections = 0;
        using var handler = new SocketsHttpHandler();
        handler.ConnectCallback = async (context, ct) =>
        {
            Interlocked.Increment(ref connections);
            var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(context.DnsEndPoint, ct);
            return new System.Net.Sockets.NetworkStream(socket, ownsSocket: true);
        };
        using var channel = GrpcChannel.ForAddress(pandora.Node.GrpcAddress, new GrpcChannelOptions { HttpHandler = handler });
        var health = new Grpc.Health.V1.Health.HealthClient(channel);
        using var watch = health.Watch(new HealthCheckRequest(), cancellationToken: Ct);
        Assert.True(await watch.ResponseStream.MoveNext(Ct));

        var code = StatusCode.OK;
        try
        {
            await health.CheckAsync(new HealthCheckRequest(), Entries(entries, bytes), cancellationToken: Ct);
        }
        catch (RpcException refused)
        {
            code = refused.StatusCode;
        }

        Assert.Equal(isServed, code == StatusCode.OK);
        var next = watch.ResponseStream.MoveNext(Ct);
        Assert.Equal(ServingStatus.Serving, (await health.CheckAsync(new HealthCheckRequest(), cancellationToken: Ct)).Status);
        Assert.False(next.IsCompleted); // the stream is still open
        Assert.Equal(1, connections);
    }

    [Theory]
    [InlineData("caf\u00e9")]
    [InlineData("\u00ff\u00fe\u0080")]
    public async Task A_value_that_is_no_UTF8_hinders_neither_its_call_nor_another(string value)
    {
        using var handler = new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => System.Text.Encoding.Latin1 };
        using var http = new HttpClient(handler);
        using var channel = GrpcChannel.ForAddress(pandora.Node.GrpcAddress, new GrpcChannelOptions { HttpClient = http });
        var health = new Grpc.Health.V1.Health.HealthClient(channel);
        using var watch = health.Watch(new HealthCheckRequest(), cancellationToken: Ct);
        Assert.True(await watch.ResponseStream.MoveNext(Ct));
        var next = watch.ResponseStream.MoveNext(Ct);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(pandora.Node.GrpcAddress, Harness.Calls.ValidatePath))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([0, 0, 0, 0, 0]) { Headers = { { "content-type", "application/grpc" } } },
        };
        request.Headers.TryAddWithoutValidation("x", value);

        using var answer = await http.SendAsync(request, Ct);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("3", Assert.Single(answer.Headers.Concat(answer.TrailingHeaders), header => header.Key == "grpc-status").Value.Single());
        Assert.False(next.IsCompleted);
    }

    [Fact]
    public async Task Calls_that_wait_for_their_message_keep_next_to_nothing_of_it()
    {
        const int Calls = 90;
        using var handler = new SocketsHttpHandler();
        using var channel = GrpcChannel.ForAddress(pandora.Node.GrpcAddress, new GrpcChannelOptions { HttpHandler = handler });
        var metadata = Entries(10, 60_000);
        var before = GC.GetTotalMemory(forceFullCollection: true);

        var waiting = new List<IDisposable>();
        for (var i = 0; i < Calls; i++)
        {
            // The text is shared by all calls on this side, so what grows is the node.
            waiting.Add(channel.CreateCallInvoker().AsyncClientStreamingCall(
                new Method<HealthCheckRequest, HealthCheckResponse>(
                    MethodType.ClientStreaming,
                    "grpc.health.v1.Health",
                    "Check",
                    Marshallers.Create<HealthCheckRequest>(_ => [], _ => new()),
                    Marshallers.Create<HealthCheckResponse>(_ => [], _ => new())),
                null,
                new CallOptions(metadata, cancellationToken: Ct)));
        }
        var health = new Grpc.Health.V1.Health.HealthClient(channel);
        await health.CheckAsync(new HealthCheckRequest(), cancellationToken: Ct); // behind them on the same connection
        var held = GC.GetTotalMemory(forceFullCollection: true) - before;

        waiting.ForEach(call => call.Dispose());
        // Kept, the texts would take 120 kB a call. Other tests take memory meanwhile.
        Assert.True(held < Calls * 80_000, $"{held} bytes for {Calls} calls with 60 kB of metadata each");
    }

    /// <summary>How often a value of 3900 bytes is sent: to be refused by us, and by the listener.</summary>
    [Theory]
    [InlineData(60)]
    [InlineData(180)]
    public async Task Calls_that_are_refused_for_it_keep_nothing_of_it_while_their_callers_leave_them_open(int times)
    {
        const int Calls = 100;
        using var raw = await RawHttp.ConnectAsync(pandora.Node.GrpcAddress);
        await raw.SendAsync(Preface);
        await raw.SendAsync(Frame(type: 4, flags: 0, stream: 0, []));
        var headers = HeadersWith(times);
        var before = GC.GetTotalMemory(forceFullCollection: true);

        for (var i = 0; i < Calls; i++)
        {
            await raw.SendAsync(Frame(type: 1, flags: 4, stream: (2 * i) + 1, headers)); // its body never comes
        }
        var (received, refused) = ("", 0);
        while (refused < Calls)
        {
            var more = await raw.ReadAsync();
            Assert.NotEqual("", more);
            received += more;
            for (; received.Length >= 9 && received.Length >= 9 + Length(received); received = received[(9 + Length(received))..])
            {
                refused += received[3] == 1 ? 1 : 0;
            }
        }
        var held = GC.GetTotalMemory(forceFullCollection: true) - before;

        // Kept, the texts would take 470 kB a call and more.
        Assert.True(held < Calls * 100_000, $"{held} bytes for {Calls} refused calls with {times} times 3900 bytes of metadata each");
    }

    private static byte[] Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    private static int Length(string frame) => (frame[0] << 16) | (frame[1] << 8) | frame[2];

    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload) =>
    [
        (byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length,
        type, flags,
        (byte)(stream >> 24), (byte)(stream >> 16), (byte)(stream >> 8), (byte)stream,
        .. payload,
    ];

    /// <summary>Those of a check, and one that the compression of HTTP/2 tells over and over in a byte each.</summary>
    private static byte[] HeadersWith(int times)
    {
        const int ValueBytes = 3_900;
        const byte FirstOfTable = 0xBE;
        var block = new List<byte>();
        foreach (var (name, value) in new[] { (":method", "POST"), (":scheme", "http"), (":path", Harness.Calls.ConsumePath), (":authority", "x"), ("content-type", "application/grpc"), ("te", "trailers") })
        {
            block.AddRange([0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)]);
        }
        block.AddRange([0x40, 1, (byte)'x', 0x7F, (ValueBytes - 127) & 0x7F | 0x80, (ValueBytes - 127) >> 7, .. Enumerable.Repeat((byte)'v', ValueBytes)]);
        block.AddRange(Enumerable.Repeat(FirstOfTable, times - 1));
        return [.. block];
    }

    private static Metadata Entries(int count, int bytes)
    {
        var metadata = new Metadata();
        for (var i = 0; i < count; i++)
        {
            metadata.Add($"x-entry-{i}", new string('x', (bytes / count) - 10));
        }
        return metadata;
    }
}
