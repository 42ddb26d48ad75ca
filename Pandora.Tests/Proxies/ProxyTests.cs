using System.Net;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Pandora.Tests.Proxies;

/// <summary>Both interfaces through the reverse proxies that most people run, as their packages come.</summary>
public sealed class ProxyTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("nginx")]
    [InlineData("haproxy")]
    [InlineData("caddy")]
    public async Task Calls_and_streams_of_gRPC_go_through_a_proxy_that_ends_TLS(string name)
    {
        await using var node = await StartNodeAsync();
        await using var proxy = await RunningProxy.StartAsync(name, node);
        var check = (await new Scenario(node).SubscriptionAsync(quota: 100)).Request();
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate!.Subject == "CN=pandora-test";
        using var channel = GrpcChannel.ForAddress(proxy.GrpcAddress, new GrpcChannelOptions { HttpHandler = handler });
        var keys = new APIKeyService.APIKeyServiceClient(channel);
        using var watch = new Grpc.Health.V1.Health.HealthClient(channel).Watch(new HealthCheckRequest(), cancellationToken: Ct);

        Assert.True(await watch.ResponseStream.MoveNext(Ct));
        Assert.Equal(ServingStatus.Serving, watch.ResponseStream.Current.Status);
        for (var left = 99; left >= 90; left--)
        {
            var answer = await keys.ValidateConsumeAsync(check, deadline: DateTime.UtcNow.AddSeconds(10), cancellationToken: Ct);
            Assert.Equal((true, left), (answer.BaseResponse.Valid, answer.AvailableRequest));
        }
    }

    [Theory]
    [InlineData("nginx")]
    [InlineData("haproxy")]
    [InlineData("caddy")]
    public async Task Below_a_path_links_documents_and_pages_lead_below_it(string name)
    {
        await using var node = await StartNodeAsync();
        await using var proxy = await RunningProxy.StartAsync(name, node);
        await new Scenario(node).ServiceAsync();
        await new Scenario(node).ServiceAsync();
        using var rest = new RestClient(proxy.RestAddress) { Token = node.Rest.Token };

        var document = (await GetAsync("/pandora/swagger/doc.json")).Json;
        Assert.Equal("/pandora", (string?)document["servers"]![0]!["url"]);
        var login = (string)document["components"]!["securitySchemes"]!["password"]!["flows"]!["password"]!["tokenUrl"]!;
        using var credentials = new HttpRequestMessage(HttpMethod.Post, login)
        {
            Content = new FormUrlEncodedContent([new("username", TestAccount.Username), new("password", TestAccount.Password)]),
        };
        (await rest.SendAsync(credentials)).Expect(HttpStatusCode.OK);

        var page = await GetAsync("/pandora/api/v1/services?limit=1");
        Assert.StartsWith("/pandora/api/v1/services?", page.NextPage, StringComparison.Ordinal);
        Assert.NotEqual(page.Body, (await GetAsync(page.NextPage!)).Body);

        Assert.Contains("../swagger/doc.json", (await GetAsync("/pandora/swagger/index.js")).Body, StringComparison.Ordinal);
        Assert.Contains("<base href=\"/pandora/scalar/\">", (await GetAsync("/pandora/scalar")).Body, StringComparison.Ordinal);
        await GetAsync("/pandora/scalar/scalar.js");

        async Task<RestAnswer> GetAsync(string path) =>
            (await rest.SendAsync(new HttpRequestMessage(HttpMethod.Get, path))).Expect(HttpStatusCode.OK);
    }

    private async Task<TestNode> StartNodeAsync() => await TestNode.StartAsync(
        await pandora.Server.CreateDatabaseAsync(),
        configure: settings => settings with { TrustedProxies = [IPNetwork.Parse("127.0.0.1/32")] });
}
