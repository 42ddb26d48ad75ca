using System.Diagnostics;
using Pandora.Core.Rpc;
using Pandora.Protos.Health.V1;
using ServingStatus = Pandora.Protos.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Pandora.Tests.Rpc;

/// <summary>Health of a node whose database is away. A node with a database is tested where there is one.</summary>
public sealed class HealthGrpcTests : IAsyncLifetime
{
    private const string Check = "/grpc.health.v1.Health/Check";
    private const string Watch = "/grpc.health.v1.Health/Watch";

    private GrpcHost _host = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _host = await GrpcHost.StartProductAsync();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Theory]
    [InlineData("")]
    [InlineData("api_key.v1.APIKeyService")]
    [InlineData("request.v1.RequestService")]
    [InlineData("reservation.v1.ReservationService")]
    public async Task Without_a_database_every_name_is_NOT_SERVING(string name)
    {
        var reply = await _host.Client.CallAsync(Check, Name(name), HealthCheckResponse.Parser, Ct);

        Assert.Equal(ServingStatus.NotServing, reply.Message!.Status);
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("api_key.v1.apikeyservice")]
    public async Task Check_does_not_find_another_name(string name)
    {
        var reply = await _host.Client.CallAsync(Check, Name(name), HealthCheckResponse.Parser, Ct);

        Assert.Equal(GrpcCode.NotFound, reply.Code);
    }

    [Fact]
    public async Task List_has_every_name()
    {
        var reply = await _host.Client.CallAsync("/grpc.health.v1.Health/List", new HealthListRequest(), HealthListResponse.Parser, Ct);

        Assert.Equal(4, reply.Message!.Statuses.Count);
        Assert.All(reply.Message.Statuses.Values, status => Assert.Equal(ServingStatus.NotServing, status.Status));
    }

    [Theory]
    [InlineData("", ServingStatus.NotServing)]
    [InlineData("nothing", ServingStatus.ServiceUnknown)]
    public async Task Watch_says_the_status_at_once_stays_open_and_ends_when_the_node_stops(string name, ServingStatus status)
    {
        using var stream = await _host.Client.OpenAsync(Watch, Name(name), HealthCheckResponse.Parser, Ct);
        Assert.Equal(status, (await stream.ReadAsync(Ct))!.Status);
        var next = stream.ReadAsync(Ct);
        Assert.False(next.IsCompleted);

        var started = Stopwatch.GetTimestamp();
        await _host.StopAsync(Ct);

        Assert.Null(await next);
        Assert.Equal(GrpcCode.Ok, stream.End.Code);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(4));
    }

    private static HealthCheckRequest Name(string name) => new() { Service = name };
}
