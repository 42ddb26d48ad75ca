using System.Diagnostics;
using System.Net;
using Grpc.Core;
using Grpc.Health.V1;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Gate;

/// <summary>What callers see while the database is away, and what is left of it afterwards.</summary>
public sealed class OutageTests : IAsyncLifetime
{
    private static readonly TimeSpan RecoveryLimit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan CallerLimit = TimeSpan.FromSeconds(6); // 5 s, and some for a busy machine

    /// <summary>Requests forwarded by the log, taken from the counter, consumed by the usage.</summary>
    private const string Books =
        """
        SELECT concat_ws('/', (SELECT count(*) FROM request WHERE outcome = 0),
                              (SELECT 1000 - available_requests FROM environment_service),
                              (SELECT sum(units) FROM request))
        """;

    private OwnServer _server = null!;
    private TestNode _node = null!;
    private Subscription _subscription = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await OwnServer.StartAsync();
        _node = await TestNode.StartAsync(_server.ConnectionString);
        _subscription = await new Scenario(_node.Rest).SubscriptionAsync(quota: 1000);
        Assert.True((await _node.ConsumeAsync(_subscription.Request())).BaseResponse.Valid);
    }

    public async ValueTask DisposeAsync()
    {
        _server.ResumeFromStall();
        await _node.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact, Checklist(27)]
    public async Task While_the_database_is_down_nothing_is_judged_and_afterwards_all_goes_on()
    {
        await _server.StopAsync();

        var check = await CheckAsync();
        var report = await _node.Grpc.CallAsync(
            "/request.v1.RequestService/UpdateExecutionStatus",
            new Protos.Request.V1.UpdateExecutionStatusRequest { Id = Guid.CreateVersion7().ToString(), ExecutionStatus = "success", StatusCode = 200 },
            Google.Protobuf.WellKnownTypes.Empty.Parser,
            Token);
        var health = await _node.Rest.GetAsync("/health");
        var list = await _node.Rest.GetAsync("/clients");

        Assert.Equal((StatusCode.Unavailable, StatusCode.Unavailable), (check.Code, report.Code));
        Assert.NotNull(check.RetryDelay);
        foreach (var service in new[] { "", "api_key.v1.APIKeyService", "request.v1.RequestService", "reservation.v1.ReservationService" })
        {
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, await GrpcHealthAsync(service));
        }
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "DOWN"), (health.Status, health.Text("status")));
        list.ExpectError(HttpStatusCode.ServiceUnavailable, "UNAVAILABLE");
        Assert.True(list.Response.Headers.RetryAfter?.Delta >= TimeSpan.FromSeconds(1));

        await _server.ResumeFromStopAsync();
        await RecoversAsync();
        await BooksAgreeAsync(forwarded: 2);
    }

    [Fact, Checklist(69)]
    public async Task A_stalled_database_costs_a_bounded_wait_and_leaves_no_trace_of_refused_calls()
    {
        _server.Stall();

        var waited = Stopwatch.StartNew();
        var checks = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => CheckAsync()));
        var checkedAfter = waited.Elapsed;
        var list = await _node.Rest.GetAsync("/clients");
        var listed = waited.Elapsed - checkedAfter;
        var health = await _node.Rest.GetAsync("/health");

        Assert.All(checks, check => Assert.Equal(StatusCode.Unavailable, check.Code));
        Assert.True(checkedAfter < CallerLimit, $"checks waited {checkedAfter}");
        list.ExpectError(HttpStatusCode.ServiceUnavailable, "UNAVAILABLE");
        Assert.True(listed < TimeSpan.FromSeconds(9), $"the list waited {listed}");
        Assert.Equal("DOWN", health.Text("status"));

        _server.ResumeFromStall();
        await RecoversAsync();
        await BooksAgreeAsync(forwarded: 2);
    }

    [Fact, Checklist(69)]
    public async Task More_callers_than_connections_wait_no_longer_and_are_served_when_a_stalled_database_is_back()
    {
        const int Callers = 60;
        var limit = TimeSpan.FromSeconds(9); // 8 s, and some for a busy machine
        _server.Stall();

        var waited = Stopwatch.StartNew();
        var answers = await Task.WhenAll(Enumerable.Range(0, Callers).Select(i => (i % 3) switch
        {
            0 => _node.Rest.GetAsync("/clients"),
            1 => _node.Rest.PostAsync("/services", new { name = $"late-{i}", version = "1" }),
            _ => _node.Rest.PostAsync("/auth/login", new { username = TestAccount.Username, password = TestAccount.Password }),
        }));

        Assert.All(answers, answer => answer.ExpectError(HttpStatusCode.ServiceUnavailable, "UNAVAILABLE"));
        Assert.True(waited.Elapsed < limit, $"{Callers} calls waited {waited.Elapsed}");
        _server.ResumeFromStall();
        await Eventually.HoldsAsync(
            "a list again", async () => (await _node.Rest.GetAsync("/clients")).Status == HttpStatusCode.OK, RecoveryLimit);
        await Eventually.HoldsAsync(
            "health OK", async () => (await _node.Rest.GetAsync("/health")).Status == HttpStatusCode.OK, RecoveryLimit);
        (await _node.Rest.PostAsync("/services", new { name = "in time", version = "1" })).Expect(HttpStatusCode.Created);
    }

    [Fact]
    public async Task A_call_whose_deadline_passes_before_the_commit_has_no_effect()
    {
        _server.Stall();

        var late = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => CheckAsync(
            request => request.Headers.Add("grpc-timeout", "300m"))));

        Assert.All(late, check => Assert.Equal(StatusCode.DeadlineExceeded, check.Code));
        _server.ResumeFromStall();
        await RecoversAsync();
        await BooksAgreeAsync(forwarded: 2);
    }

    [Fact]
    public async Task After_a_restart_of_the_database_the_administration_recovers_by_itself()
    {
        Assert.All(await ListTwentyTimesAsync(), status => Assert.Equal(HttpStatusCode.OK, status));

        await _server.StopAsync();
        await _server.ResumeFromStopAsync();

        await Eventually.HoldsAsync(
            "every list answered",
            async () => (await ListTwentyTimesAsync()).All(status => status == HttpStatusCode.OK),
            RecoveryLimit);
    }

    private async Task<HttpStatusCode[]> ListTwentyTimesAsync()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _node.Rest.GetAsync("/clients")));
        return Array.ConvertAll(answers, answer => answer.Status);
    }

    private Task<GrpcReply<ValidateConsumeResponse>> CheckAsync(Action<HttpRequestMessage>? adjust = null) =>
        _node.Grpc.CallAsync(
            "/api_key.v1.APIKeyService/ValidateConsume", _subscription.Request(), ValidateConsumeResponse.Parser, Token, adjust);

    private async Task<HealthCheckResponse.Types.ServingStatus> GrpcHealthAsync(string service)
    {
        var reply = await _node.Grpc.CallAsync(
            "/grpc.health.v1.Health/Check", new HealthCheckRequest { Service = service }, HealthCheckResponse.Parser, Token);
        return reply.Message!.Status;
    }

    /// <summary>Consumes exactly one request, as soon as that works.</summary>
    private Task RecoversAsync() =>
        Eventually.HoldsAsync("a check answered again", async () => (await CheckAsync()).Code == StatusCode.OK, RecoveryLimit);

    /// <summary>Log, counter and usage tell the same; takes back may still be under way for a moment.</summary>
    private Task BooksAgreeAsync(long forwarded) =>
        Eventually.HoldsAsync(
            $"{forwarded} forwarded in log, counter and usage",
            async () => await _node.ScalarAsync<string>(Books) == $"{forwarded}/{forwarded}/{forwarded}");
}
