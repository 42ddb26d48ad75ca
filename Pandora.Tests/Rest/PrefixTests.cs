using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rest;

/// <summary>What a proxy says of the path that it has cut off; through real ones it is tried elsewhere.</summary>
public sealed class PrefixTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    [Theory]
    [InlineData("/pandora", "/pandora")]
    [InlineData("/pandora/", "/pandora")]
    [InlineData("/a/b.c/d-e_f~1", "/a/b.c/d-e_f~1")]
    [InlineData("/", "")]
    [InlineData("", "")]
    [InlineData("pandora", "")]
    [InlineData("//evil.example", "")]
    [InlineData("/a//b", "")]
    [InlineData("/../x", "")]
    [InlineData("/a/./b", "")]
    [InlineData("/\"><script>", "")]
    [InlineData("https://evil.example/x", "")]
    public async Task A_trusted_proxy_says_where_links_and_documents_are(string given, string prefix)
    {
        await using var node = await StartAsync("127.0.0.1/32");
        await new Scenario(node).ServiceAsync();
        await new Scenario(node).ServiceAsync();

        Assert.StartsWith($"{prefix}/api/v1/services?", (await GetAsync(node, "/api/v1/services?limit=1", given)).NextPage, StringComparison.Ordinal);
        foreach (var path in (string[])["/swagger/doc.json", "/swagger/doc-3.0.json"])
        {
            var document = (await GetAsync(node, path, given)).Json;
            Assert.Equal(prefix.Length == 0 ? "/" : prefix, (string?)document["servers"]![0]!["url"]);
            Assert.Equal(
                $"{prefix}/api/v1/auth/login",
                (string?)document["components"]!["securitySchemes"]!["password"]!["flows"]!["password"]!["tokenUrl"]);
        }
        Assert.Contains($"<base href=\"{prefix}/scalar/\">", (await GetAsync(node, "/scalar", given)).Body, StringComparison.Ordinal);
        Assert.Empty(node.Errors);
    }

    [Fact]
    public async Task From_anybody_else_it_means_nothing()
    {
        await using var node = await StartAsync("192.0.2.1/32");
        await new Scenario(node).ServiceAsync();
        await new Scenario(node).ServiceAsync();

        foreach (var deaf in (TestNode[])[node, pandora.Node])
        {
            var document = (await GetAsync(deaf, "/swagger/doc.json", "/pandora")).Json;
            Assert.Equal("/", (string?)document["servers"]![0]!["url"]);
        }
        Assert.StartsWith("/api/v1/services?", (await GetAsync(node, "/api/v1/services?limit=1", "/pandora")).NextPage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cursor_is_good_with_and_without_the_proxy()
    {
        await using var node = await StartAsync("127.0.0.1/32");
        await new Scenario(node).ServiceAsync();
        await new Scenario(node).ServiceAsync();

        var next = (await GetAsync(node, "/api/v1/services?limit=1", "/pandora")).NextPage!["/pandora".Length..];

        (await GetAsync(node, next, "/pandora")).Expect(HttpStatusCode.OK);
        (await GetAsync(node, next, null)).Expect(HttpStatusCode.OK);
    }

    private async Task<TestNode> StartAsync(string trusted) => await TestNode.StartAsync(
        await pandora.Server.CreateDatabaseAsync(),
        configure: settings => settings with { TrustedProxies = [IPNetwork.Parse(trusted)] });

    private static async Task<RestAnswer> GetAsync(TestNode node, string path, string? prefix)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (prefix is not null)
        {
            Assert.True(request.Headers.TryAddWithoutValidation("X-Forwarded-Prefix", prefix));
        }
        return (await node.Rest.SendAsync(request)).Expect(HttpStatusCode.OK);
    }
}
