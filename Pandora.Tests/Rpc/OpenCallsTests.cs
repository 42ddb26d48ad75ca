using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.Extensions.DependencyInjection;
using Pandora.Core.Rpc;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rpc;

/// <summary>More calls than may be open, of one peer beside others.</summary>
public sealed class OpenCallsTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const int Limit = 40;
    private const int OfPeer = Limit / 2;
    private const int StreamsOfPeer = OfPeer / 2;
    private const string WatchPath = "/grpc.health.v1.Health/Watch";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Streams_of_one_peer_leave_room_for_its_checks_and_for_the_streams_of_others()
    {
        await using var node = await StartAsync();
        using var other = new GrpcClient(node.GrpcAddress, "127.0.0.2");
        var streams = new List<GrpcServerStream<HealthCheckResponse>>();
        for (var i = 0; i < StreamsOfPeer; i++)
        {
            streams.Add(Assert.IsType<GrpcServerStream<HealthCheckResponse>>(await TryWatchAsync(node.Grpc)));
        }

        Assert.Null(await TryWatchAsync(node.Grpc));
        Assert.Equal(StatusCode.OK, await CheckAsync(node.Grpc));
        Assert.NotNull(await TryWatchAsync(other));
        Assert.Equal(StatusCode.OK, await CheckAsync(other));

        streams[0].Dispose();

        await Eventually.HoldsAsync("there is room again", async () => await TryWatchAsync(node.Grpc) is not null);
    }

    [Fact]
    public async Task Calls_that_one_peer_only_begins_are_refused_beyond_its_half_and_others_are_served()
    {
        await using var node = await StartAsync();
        using var other = new GrpcClient(node.GrpcAddress, "127.0.0.2");
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var begun = Enumerable.Range(0, OfPeer + 5)
            .Select(_ => node.Grpc.SendAsync(Calls.ConsumePath, new StalledContent([0, 0, 0]), end.Token))
            .ToList();

        await Eventually.HoldsAsync("some are refused", () => Task.FromResult(begun.Count(call => call.IsCompleted) == 5));
        Assert.All(begun.Where(call => call.IsCompleted), call => Assert.Equal(StatusCode.Unavailable, call.Result.Code));
        Assert.Equal(StatusCode.Unavailable, await CheckAsync(node.Grpc));
        Assert.Equal(StatusCode.OK, await CheckAsync(other));

        await end.CancelAsync();

        await Eventually.HoldsAsync("there is room again", async () => await CheckAsync(node.Grpc) == StatusCode.OK);
    }

    private async Task<TestNode> StartAsync() => await TestNode.StartAsync(
        await pandora.Server.CreateDatabaseAsync(), adjust: builder => builder.Services.AddSingleton(new OpenCalls(Limit)));

    /// <summary>Null: it was refused.</summary>
    private static async Task<GrpcServerStream<HealthCheckResponse>?> TryWatchAsync(GrpcClient client)
    {
        var stream = await client.OpenAsync(WatchPath, new HealthCheckRequest(), HealthCheckResponse.Parser, Ct);
        if (await stream.ReadAsync(Ct) is not null)
        {
            return stream;
        }
        Assert.Equal(StatusCode.Unavailable, stream.End.Code);
        stream.Dispose();
        return null;
    }

    private static async Task<StatusCode?> CheckAsync(GrpcClient client)
    {
        var request = new ValidateRequest
        {
            ApiKey = "nobody-has-this-key",
            ServiceName = "s",
            ServiceVersion = "1",
            Request = new Request { Path = "/", Method = "GET", IpAddress = "::1" },
        };
        return (await client.CallAsync(Calls.ValidatePath, request, ValidateResponse.Parser, Ct)).Code;
    }
}
