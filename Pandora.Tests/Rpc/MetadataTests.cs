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
        { 50, 1_000_000, false },
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

    [Fact]
    public async Task Calls_that_wait_for_their_message_keep_next_to_nothing_of_it()
    {
        const int Calls = 200;
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
