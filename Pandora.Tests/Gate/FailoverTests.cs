using System.Net;
using Grpc.Core;
using Grpc.Health.V1;
using Npgsql;
using Pandora.Core.Settings;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Pandora.Tests.Gate;

/// <summary>What callers see while the database can be read and not written, and how soon all is well afterwards.</summary>
public sealed class FailoverTests : IAsyncLifetime
{
    private static readonly TimeSpan RecoveryLimit = TimeSpan.FromSeconds(10);

    private static readonly string[] Services =
        ["", "api_key.v1.APIKeyService", "request.v1.RequestService", "reservation.v1.ReservationService"];

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
        await _node.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_database_that_became_a_standby_is_DEGRADED_and_all_works_within_10_s_of_its_promotion()
    {
        await _server.BecomeStandbyAsync();
        await ExpectReadOnlyAsync();

        await _server.PromoteAsync();

        await ExpectRecoveryAsync();
    }

    [Fact]
    public async Task Of_several_hosts_the_primary_is_used_whichever_it_is_and_within_10_s()
    {
        await using var other = await _server.CopyAsStandbyAsync();
        var hosts = string.Join(',', new[] { other, _server }.Select(server => $"{Path.GetDirectoryName(server.Socket)}:5432"));
        var list = new NpgsqlConnectionStringBuilder(_server.ConnectionString) { Host = hosts }.ConnectionString;
        await _node.DisposeAsync();
        _node = await TestNode.StartAsync(
            DatabaseReader.ReadExternal(new Variables(new Dictionary<string, string> { ["ConnectionStrings__pandora"] = list }))!.Address.ConnectionString);
        await ExpectRecoveryAsync();

        await _server.BecomeStandbyAsync();
        await ExpectReadOnlyAsync();
        await other.PromoteAsync();

        await ExpectRecoveryAsync();
    }

    [Theory]
    [InlineData("database"), InlineData("server")]
    public async Task A_database_that_was_made_read_only_is_DEGRADED_and_all_works_within_10_s_of_the_end_of_that(string what)
    {
        if (what == "database")
        {
            await _server.ExecuteAsync("ALTER DATABASE pandora SET default_transaction_read_only = on");
            await _server.ExecuteAsync("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'pandora'");
        }
        else
        {
            await _server.ExecuteAsync("ALTER SYSTEM SET default_transaction_read_only = on");
            await _server.ExecuteAsync("SELECT pg_reload_conf()");
        }
        await ExpectReadOnlyAsync();

        // Sessions that were begun meanwhile stay as they are.
        var writable = new NpgsqlConnectionStringBuilder(_server.ConnectionString) { Options = "-c default_transaction_read_only=off" }.ConnectionString;
        if (what == "database")
        {
            await using var source = NpgsqlDataSource.Create(writable);
            await using var reset = source.CreateCommand("ALTER DATABASE pandora RESET default_transaction_read_only");
            await reset.ExecuteNonQueryAsync(Token);
        }
        else
        {
            await _server.ExecuteAsync("ALTER SYSTEM RESET default_transaction_read_only");
            await _server.ExecuteAsync("SELECT pg_reload_conf()");
        }

        await ExpectRecoveryAsync();
    }

    /// <summary>Lists are served by as many sessions as there are at once; what writes is refused for now.</summary>
    private async Task ExpectReadOnlyAsync()
    {
        await Eventually.HoldsAsync(
            "DEGRADED", async () => await _node.Rest.GetAsync("/health") is { Status: HttpStatusCode.OK } health && health.Text("status") == "DEGRADED");
        foreach (var service in Services)
        {
            Assert.Equal(ServingStatus.NotServing, await GrpcHealthAsync(service));
        }
        Assert.Equal(StatusCode.Unavailable, (await CheckAsync()).Code);
        await Eventually.HoldsAsync(
            "lists", async () => (await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _node.Rest.GetAsync("/clients")))).All(list => list.Status == HttpStatusCode.OK));
        (await _node.Rest.PostAsync("/services", new { name = Scenario.NewName("refused"), version = "1" }))
            .ExpectError(HttpStatusCode.ServiceUnavailable, "UNAVAILABLE");
    }

    private async Task ExpectRecoveryAsync()
    {
        await Eventually.HoldsAsync(
            "the gate, health, every write and every login",
            async () => (await CheckAsync()).Code == StatusCode.OK
                && (await _node.Rest.GetAsync("/health")).Text("status") == "OK"
                && await GrpcHealthAsync("api_key.v1.APIKeyService") == ServingStatus.Serving
                && (await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _node.Rest.PostAsync("/services", new { name = Scenario.NewName("service"), version = "1" }))))
                    .All(made => made.Status == HttpStatusCode.Created)
                && (await _node.Rest.PostAsync("/auth/login", new { username = TestAccount.Username, password = TestAccount.Password })).Status == HttpStatusCode.OK,
            RecoveryLimit);
        Assert.Equal(StatusCode.OK, (await CheckAsync()).Code);
    }

    private Task<GrpcReply<ValidateConsumeResponse>> CheckAsync() =>
        _node.Grpc.CallAsync(Calls.ConsumePath, _subscription.Request(), ValidateConsumeResponse.Parser, Token);

    private async Task<ServingStatus> GrpcHealthAsync(string service)
    {
        var reply = await _node.Grpc.CallAsync(
            "/grpc.health.v1.Health/Check", new HealthCheckRequest { Service = service }, HealthCheckResponse.Parser, Token);
        return reply.Message!.Status;
    }
}
