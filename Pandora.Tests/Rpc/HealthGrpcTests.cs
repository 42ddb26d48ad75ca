using System.Diagnostics;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Pandora.Core.Health;
using Pandora.Tests.Harness;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Pandora.Tests.Rpc;

public sealed class HealthGrpcTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static readonly string[] Names =
        ["", "api_key.v1.APIKeyService", "request.v1.RequestService", "reservation.v1.ReservationService"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_name_of_ours_is_SERVING_and_others_are_not_known()
    {
        using var channel = GrpcChannel.ForAddress(pandora.Node.GrpcAddress);
        var health = new Grpc.Health.V1.Health.HealthClient(channel);

        foreach (var name in Names)
        {
            Assert.Equal(ServingStatus.Serving, await CheckAsync(health, name));
        }
        foreach (var name in new[] { "nothing", "api_key.v1.apikeyservice" })
        {
            var refused = await Assert.ThrowsAsync<RpcException>(() => CheckAsync(health, name));
            Assert.Equal(StatusCode.NotFound, refused.StatusCode);
        }
    }

    [Fact]
    public async Task Without_a_database_every_name_is_NOT_SERVING()
    {
        await using var gone = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Username=x;Password=hidden;Database=x;Timeout=3");
        await using var node = await StartAsync(_ => new DatabaseHealthCheck(gone));
        using var channel = GrpcChannel.ForAddress(node.GrpcAddress);
        var health = new Grpc.Health.V1.Health.HealthClient(channel);

        foreach (var name in Names)
        {
            Assert.Equal(ServingStatus.NotServing, await CheckAsync(health, name));
        }
        Assert.Empty(node.Errors);
    }

    [Theory]
    [InlineData("", ServingStatus.Serving)]
    [InlineData("nothing", ServingStatus.ServiceUnknown)]
    public async Task Watch_says_the_status_at_once_and_stays_open_and_ends_when_the_node_stops(string name, ServingStatus status)
    {
        await using var node = await StartAsync(check: null);
        using var channel = GrpcChannel.ForAddress(node.GrpcAddress);
        var started = Stopwatch.GetTimestamp();
        using var watch = new Grpc.Health.V1.Health.HealthClient(channel).Watch(new HealthCheckRequest { Service = name }, cancellationToken: Ct);
        Assert.True(await watch.ResponseStream.MoveNext(Ct));
        Assert.Equal(status, watch.ResponseStream.Current.Status);
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(4)); // on a busy machine

        started = Stopwatch.GetTimestamp();
        node.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();

        var last = status;
        while (await watch.ResponseStream.MoveNext(Ct))
        {
            last = watch.ResponseStream.Current.Status;
        }
        Assert.Equal(ServingStatus.NotServing, last);
        Assert.Equal(StatusCode.OK, watch.GetStatus().StatusCode);
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(4));
    }

    [Fact]
    public async Task Watch_says_each_change_within_10_seconds()
    {
        await using var gone = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Username=x;Password=hidden;Database=x;Timeout=3");
        var isGone = false;
        await using var node = await StartAsync(provider => new DatabaseHealthCheck(isGone ? gone : provider.GetRequiredService<NpgsqlDataSource>()));
        using var channel = GrpcChannel.ForAddress(node.GrpcAddress);
        using var watch = new Grpc.Health.V1.Health.HealthClient(channel).Watch(new HealthCheckRequest { Service = Names[1] }, cancellationToken: Ct);
        await ExpectAsync(ServingStatus.Serving);

        isGone = true;
        await ExpectAsync(ServingStatus.NotServing);
        isGone = false;
        await ExpectAsync(ServingStatus.Serving);

        async Task ExpectAsync(ServingStatus status)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            limit.CancelAfter(TimeSpan.FromSeconds(10));
            do
            {
                Assert.True(await watch.ResponseStream.MoveNext(limit.Token));
            }
            while (watch.ResponseStream.Current.Status != status);
        }
    }

    private Task<TestNode> StartAsync(Func<IServiceProvider, DatabaseHealthCheck>? check) => TestNode.StartAsync(
        pandora.Node.ConnectionString,
        pandora.Clock,
        pandora.Node.DataDirectory,
        adjust: builder =>
        {
            if (check is not null)
            {
                builder.Services.AddTransient(check);
            }
        });

    private static async Task<ServingStatus> CheckAsync(Grpc.Health.V1.Health.HealthClient health, string name) =>
        (await health.CheckAsync(new HealthCheckRequest { Service = name }, cancellationToken: Ct)).Status;
}
