using System.Net;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.AppHost.Tests;

/// <summary>
/// The quick start of the README, through the application as it is composed for developers, with each database that it can
/// be composed with.
/// </summary>
public sealed class QuickStartTests
{
    private const string Password = "correct horse battery";

    /// <summary>The first run pulls the image of the database.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    [Fact]
    public Task With_the_private_database_as_a_process_of_its_own() => TakeQuickStartAsync("--Database=private");

    [Fact]
    public async Task With_a_server_that_is_given()
    {
        await using var server = await GivenServer.StartAsync(TestContext.Current.CancellationToken);

        await TakeQuickStartAsync($"--ConnectionStrings:pandora={server.ConnectionString}");
    }

    [Fact]
    public async Task With_a_container()
    {
        string[] runtimes = ["docker", "podman"];
        Assert.SkipUnless(
            await ContainerRuntime.FirstToAnswerAsync(runtimes) is not null,
            "Neither docker nor podman answers on this machine, so no container can be started.");

        await TakeQuickStartAsync("--Database=container");
    }

    private static async Task TakeQuickStartAsync(string database)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        var ct = limit.Token;
        await using var application = await ComposedApplication.StartAsync([database], ct);
        Assert.Equal("Finished", await application.WaitForEndOfAsync("migrations", ct));
        await application.UntilHealthyAsync("pandora", ct);

        using var rest = application.OpenRest();
        await SignInFirstAsync(rest, await application.ReadFirstPasswordAsync(ct));
        var (service, environment, key) = await SubscribeAsync(rest);

        using var grpc = application.OpenGrpc();
        var answers = new List<ValidateConsumeResponse>();
        foreach (var _ in Enumerable.Range(0, 4))
        {
            answers.Add(await CheckAsync(grpc, key, ct));
        }

        Assert.Equal([true, true, true, false], answers.Select(answer => answer.BaseResponse.Valid));
        Assert.Equal([2, 1, 0, 0], answers.Select(answer => answer.AvailableRequest));
        Assert.Equal("QUOTA_EXCEEDED", answers[^1].BaseResponse.FailureCode);

        var log = (await rest.GetAsync($"/services/{service}/requests")).Expect(HttpStatusCode.OK).Json.AsArray();
        Assert.Equal(
            answers.Select(answer => answer.BaseResponse.RequestId).Reverse(),
            log.Select(row => row!["id"]!.GetValue<string>()));
        var counter = (await rest.GetAsync($"/environments/{environment}")).Expect(HttpStatusCode.OK)["services"]![0]!;
        Assert.Equal(0, counter["available_requests"]!.GetValue<long>());
        await application.Collector.UntilAsync("traces, metrics and logs", HasArrived);
    }

    /// <summary>A check's trace down to the database, a request's, the migration's; figures and lines of the node.</summary>
    private static bool HasArrived(OtlpReceiver collector)
    {
        var spans = collector.Spans.ToLookup(span => (span.Resource["service.name"], span.Source));
        var checks = spans[("core", "Pandora.Core")].ToLookup(span => span.Name);
        return checks["api_key.v1.APIKeyService/ValidateConsume"].Any(call =>
                checks["pandora.batch"].Any(batch => batch.ParentId == call.SpanId
                    && spans[("core", "Npgsql")].Any(statement => statement.ParentId == batch.SpanId)))
            && spans[("core", "Pandora.Core.Rest")].Any(span => span.Name == "POST /api/v1/api-keys")
            && spans[("migrations", "Pandora.Core.Migrations")].Any()
            && collector.Metrics.Any(metric => metric.Resource["service.name"] == "core" && metric.Name == "pandora.checks")
            && collector.Logs.Any(line => line.Resource["service.name"] == "core");
    }

    private static async Task SignInFirstAsync(RestClient rest, string printed)
    {
        await rest.SignInAsync("Admin", printed);
        (await rest.GetAsync("/services")).Expect(HttpStatusCode.Forbidden);
        (await rest.PostAsync("/auth/change-password", new { new_password = Password, confirm_password = Password }))
            .Expect(HttpStatusCode.NoContent);
    }

    /// <summary>A key for three calls of the service <c>orders</c>.</summary>
    private static async Task<(int Service, int Environment, string Key)> SubscribeAsync(RestClient rest)
    {
        var service = await CreateAsync(rest, "/services", new { name = "orders", version = "1.0.0" });
        var client = await CreateAsync(rest, "/clients", new { type = "organization", name = "Example", email = "office@example.org" });
        var project = await CreateAsync(rest, "/projects", new
        {
            name = "shop",
            client_id = client.Id,
            services = new[] { new { id = service.Id, max_requests = 1000, reset_frequency = "daily" } },
        });
        var environment = await CreateAsync(rest, "/environments", new
        {
            name = "production",
            project_id = project.Id,
            services = new[] { new { id = service.Id, max_requests = 3 } },
        });
        var key = await CreateAsync(rest, "/api-keys", new { environment_id = environment.Id });
        return (service.Id, environment.Id, key.Text("secret"));
    }

    private static async Task<RestAnswer> CreateAsync(RestClient rest, string path, object body) =>
        (await rest.PostAsync(path, body)).Expect(HttpStatusCode.Created);

    private static async Task<ValidateConsumeResponse> CheckAsync(GrpcClient grpc, string key, CancellationToken ct)
    {
        var request = new ValidateRequest
        {
            ApiKey = key,
            ServiceName = "orders",
            ServiceVersion = "1.0.0",
            Request = new Request { Path = "/orders/17", Method = "GET", IpAddress = "192.0.2.7" },
        };
        var reply = await grpc.CallAsync("/api_key.v1.APIKeyService/ValidateConsume", request, ValidateConsumeResponse.Parser, ct);
        Assert.True(reply.Message is not null, $"{reply.Code}: {reply.StatusText}");
        return reply.Message;
    }
}
