using System.Net;
using Google.Protobuf;
using Pandora.Protos.ApiKey.V1;

namespace Pandora.Tests.Harness;

/// <summary>Makes records through REST, with names that no other test uses, for the tests to work with.</summary>
internal sealed class Scenario(RestClient rest)
{
    public const string Version = "1.0.0";

    public Scenario(TestNode node)
        : this(node.Rest)
    {
    }

    private static int _names;

    /// <summary>A name that was not used before in this run.</summary>
    public static string NewName(string prefix) => $"{prefix}-{Interlocked.Increment(ref _names)}";

    public async Task<(int Id, string Name)> ServiceAsync(string? name = null, string version = Version)
    {
        name ??= NewName("service");
        var answer = await rest.PostAsync("/services", new { name, version });
        return (answer.Expect(HttpStatusCode.Created).Id, name);
    }

    public async Task<int> ClientAsync()
    {
        var name = NewName("client");
        var answer = await rest.PostAsync("/clients", new { type = "organization", name, email = $"{name}@example.org" });
        return answer.Expect(HttpStatusCode.Created).Id;
    }

    /// <param name="services">Id and project quota of each.</param>
    public async Task<int> ProjectAsync(int client, params (int Id, long Max)[] services)
    {
        var answer = await rest.PostAsync("/projects", new
        {
            name = NewName("project"),
            client_id = client,
            services = services.Select(service => new { id = service.Id, max_requests = service.Max, reset_frequency = "daily" }),
        });
        return answer.Expect(HttpStatusCode.Created).Id;
    }

    /// <param name="services">Id and environment quota of each.</param>
    public async Task<int> EnvironmentAsync(int project, params (int Id, long Max)[] services)
    {
        var answer = await rest.PostAsync("/environments", new
        {
            name = NewName("environment"),
            project_id = project,
            services = services.Select(service => new { id = service.Id, max_requests = service.Max }),
        });
        return answer.Expect(HttpStatusCode.Created).Id;
    }

    public async Task<(int Id, string Secret)> KeyAsync(int environment, DateTimeOffset? expiresAt = null)
    {
        var answer = await rest.PostAsync("/api-keys", new
        {
            environment_id = environment,
            expires_at = expiresAt?.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture),
        });
        answer.Expect(HttpStatusCode.Created);
        return (answer.Id, answer.Text("secret"));
    }

    /// <summary>Everything that a check needs.</summary>
    /// <param name="quota">Of the environment; the project is unlimited.</param>
    public async Task<Subscription> SubscriptionAsync(long quota = 100)
    {
        var (service, serviceName) = await ServiceAsync();
        var client = await ClientAsync();
        var project = await ProjectAsync(client, (service, -1));
        var environment = await EnvironmentAsync(project, (service, quota));
        var (key, secret) = await KeyAsync(environment);
        return new Subscription(service, serviceName, client, project, environment, key, secret);
    }
}

/// <summary>A key and all that it depends on.</summary>
internal sealed record Subscription(
    int Service, string ServiceName, int Client, int Project, int Environment, int Key, string Secret)
{
    /// <summary>A well-formed check of the key.</summary>
    public ValidateRequest Request() => new()
    {
        ApiKey = Secret,
        ServiceName = ServiceName,
        ServiceVersion = Scenario.Version,
        Request = new Request { Path = "/orders", Method = "GET", IpAddress = "192.0.2.7" },
    };
}

/// <summary>Short forms for the calls of the product's gRPC services. They fail the test unless the status is OK.</summary>
internal static class Calls
{
    public const string ValidatePath = "/api_key.v1.APIKeyService/Validate";
    public const string ConsumePath = "/api_key.v1.APIKeyService/ValidateConsume";

    public static Task<ValidateResponse> ValidateAsync(this TestNode node, ValidateRequest request) =>
        node.CallAsync(ValidatePath, request, ValidateResponse.Parser);

    public static Task<ValidateConsumeResponse> ConsumeAsync(this TestNode node, ValidateRequest request) =>
        node.CallAsync(ConsumePath, request, ValidateConsumeResponse.Parser);

    public static async Task<T> CallAsync<T>(this TestNode node, string path, IMessage request, MessageParser<T> parser)
        where T : class, IMessage<T>
    {
        var reply = await node.Grpc.CallAsync(path, request, parser, TestContext.Current.CancellationToken);
        Assert.True(reply.Message is not null, $"{path} answered {reply.Code}: {reply.StatusText} {node.Errors}");
        return reply.Message;
    }
}
