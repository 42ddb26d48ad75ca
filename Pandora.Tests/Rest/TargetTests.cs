using Pandora.Core.Rest;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rest;

/// <summary>Host names and paths as proxies, meshes and attackers write them.</summary>
public sealed class TargetTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    [Theory]
    [InlineData("pandora.example.org")]
    [InlineData("pandora_core:8080")]
    [InlineData(":8080")]
    [InlineData("[::]:8080")]
    [InlineData("[fe80::1%eth0]:8080")]
    [InlineData("a%2Fb")]
    [InlineData("10.0.0.1:80,10.0.0.2:80")]
    [InlineData("outbound|8080||pandora_core.mesh.local")]
    [InlineData("a:b:c")]
    [InlineData("m\u00FCnchen.example")]
    [InlineData("")]
    public async Task Any_host_is_served(string host)
    {
        var answer = await RawHttp.AskAsync(
            pandora.Node.RestAddress, $"GET /api/v1/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Host: a\r\nHost: b\r\n")]
    public async Task No_host_or_two_get_a_bare_400(string hosts)
    {
        var answer = await RawHttp.AskAsync(
            pandora.Node.RestAddress, $"GET /api/v1/health HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/x/../api/v1/health")]
    [InlineData("/api/v1/./health")]
    [InlineData("/api/v1/health/.")]
    [InlineData("/api/v1/health/x/..")]
    [InlineData("/api/v1/services/%2e%2E/health")]
    [InlineData("/api/%2e/v1/health")]
    [InlineData("/api/.%2e/api/v1/health")]
    [InlineData("http://x/y/../api/v1/health")]
    [InlineData("/swagger/../api/v1/health")]
    public async Task A_path_with_dot_segments_is_an_unknown_route(string target)
    {
        var answer = await RawHttp.AskAsync(
            pandora.Node.RestAddress, $"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 404 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"NOT_FOUND\"", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/v1/clients?name=/../x")]
    [InlineData("/api/v1/clients/...")]
    [InlineData("/api/v1/clients/.a")]
    [InlineData("/api/v1/clients/a..")]
    [InlineData("/api/v1/clients/%2e%2e%2e")]
    public void Dots_elsewhere_are_no_dot_segments(string target) => Assert.False(DotSegments.AreIn(target));

    [Fact]
    public async Task A_caller_who_sends_512_kB_of_headers_is_answered_and_one_who_sends_more_is_refused()
    {
        var address = pandora.Node.RestAddress;

        Assert.StartsWith("HTTP/1.1 200 ", await AskAsync(500_000), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 431 ", await AskAsync(600_000), StringComparison.Ordinal);

        Task<string> AskAsync(int bytes) => RawHttp.AskAsync(
            address, $"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX-Long: {new string('x', bytes)}\r\nConnection: close\r\n\r\n");
    }
}
