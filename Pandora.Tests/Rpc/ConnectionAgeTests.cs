using System.Net.Sockets;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rpc;

/// <summary>Connections that are asked to end so that callers find other nodes.</summary>
public sealed class ConnectionAgeTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_client_under_load_moves_to_new_connections_and_loses_no_call()
    {
        await using var node = await StartAsync(TimeSpan.FromSeconds(1));
        var check = (await new Scenario(node).SubscriptionAsync(quota: 1_000_000)).Request();
        using var caller = new Caller(node.GrpcAddress);
        var keys = new APIKeyService.APIKeyServiceClient(caller.Channel);
        var passed = 0L;

        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            while (caller.Connections < 4)
            {
                try
                {
                    Assert.True((await keys.ValidateConsumeAsync(check, cancellationToken: Ct)).BaseResponse.Valid);
                    Interlocked.Increment(ref passed);
                }
                catch (RpcException e) when (e.Status.DebugException is HttpRequestException { InnerException: HttpProtocolException { ErrorCode: 0 } })
                {
                    // This client does not always try again by itself what it was about to send over a connection that
                    // ended without an error. Had the call arrived, it would have a row too many below.
                }
            }
        })).WaitAsync(TimeSpan.FromSeconds(30), Ct);

        Assert.Equal(passed, await node.ScalarAsync<long>("SELECT count(*) FROM request WHERE path = '/orders'"));
    }

    [Fact]
    public async Task A_stream_keeps_its_connection_until_it_ends_while_new_calls_go_over_another()
    {
        await using var node = await StartAsync(TimeSpan.FromSeconds(1));
        using var caller = new Caller(node.GrpcAddress);
        var health = new Grpc.Health.V1.Health.HealthClient(caller.Channel);
        using var watch = health.Watch(new HealthCheckRequest(), cancellationToken: Ct);
        Assert.True(await watch.ResponseStream.MoveNext(Ct));
        var next = watch.ResponseStream.MoveNext(Ct);

        await Eventually.HoldsAsync("a second connection", async () =>
        {
            await health.CheckAsync(new HealthCheckRequest(), cancellationToken: Ct);
            return caller.Connections > 1;
        });

        Assert.False(next.IsCompleted);
    }

    [Fact]
    public async Task Without_a_limit_a_connection_stays()
    {
        using var caller = new Caller(pandora.Node.GrpcAddress);
        var health = new Grpc.Health.V1.Health.HealthClient(caller.Channel);
        var until = DateTime.UtcNow.AddSeconds(2);

        while (DateTime.UtcNow < until)
        {
            await health.CheckAsync(new HealthCheckRequest(), cancellationToken: Ct);
        }

        Assert.Equal(1, caller.Connections);
    }

    private async Task<TestNode> StartAsync(TimeSpan age) => await TestNode.StartAsync(
        await pandora.Server.CreateDatabaseAsync(), configure: settings => settings with { GrpcMaxConnectionAge = age });

    /// <summary>An official client that counts its connections.</summary>
    private sealed class Caller : IDisposable
    {
        private int _connections;

        public Caller(Uri address)
        {
            var handler = new SocketsHttpHandler();
            handler.ConnectCallback = async (context, ct) =>
            {
                Interlocked.Increment(ref _connections);
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(context.DnsEndPoint, ct);
                return new NetworkStream(socket, ownsSocket: true);
            };
            Channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
        }

        public GrpcChannel Channel { get; }

        public int Connections => Volatile.Read(ref _connections);

        public void Dispose() => Channel.Dispose();
    }
}
