using System.Net;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.AppHost.Tests;

/// <summary>The quick start of the README, through the application as it is composed for developers.</summary>
public sealed class QuickStartTests
{
    private const string Password = "correct horse battery";

    /// <summary>The first run pulls the image of the database.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task The_composed_application_answers_the_quick_start()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        var ct = limit.Token;
        await using var application = await ComposedApplication.StartAsync(ct);
        Assert.Equal("Finished", await application.WaitForEndOfAsync("migrations", ct));

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
