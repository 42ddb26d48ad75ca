using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Auth;

/// <summary>Whose word counts for where a call comes from: 127.0.0.1 and 10.0.0.0/8 are trusted here, 127.0.0.2 is not.</summary>
public sealed class TrustedProxyTests(PandoraFixture fixture) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private TestNode _node = null!;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(
            fixture.Node.ConnectionString,
            fixture.Clock,
            fixture.Node.DataDirectory,
            settings => settings with { TrustedProxies = [IPNetwork.Parse("127.0.0.1/32"), IPNetwork.Parse("10.0.0.0/8")] });
        await _node.ExecuteAsync("DELETE FROM login_failure");
    }

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7")]
    [InlineData("198.51.100.9, 192.0.2.7", "192.0.2.7")]
    [InlineData("198.51.100.9|192.0.2.7", "192.0.2.7")]
    [InlineData("198.51.100.9, 192.0.2.7, 10.0.0.5,10.1.2.3", "192.0.2.7")]
    [InlineData("10.0.0.5", "10.0.0.5")]
    [InlineData("192.0.2.7:4711", "192.0.2.7")]
    [InlineData("::ffff:192.0.2.7", "192.0.2.7")]
    [InlineData("192.0.2.7, ::ffff:10.0.0.5", "192.0.2.7")]
    [InlineData("2001:db8:1:2::7", "2001:db8:1:2::/64")]
    [InlineData("[2001:db8:1:2::7]:4711", "2001:db8:1:2::/64")]
    [InlineData("192.0.2.7, unknown", "127.0.0.1")]
    [InlineData("192.0.2.7, unknown, 10.0.0.5", "10.0.0.5")]
    [InlineData("", "127.0.0.1")]
    public async Task A_trusted_proxy_tells_for_whom_it_calls(string header, string counted)
    {
        using var client = RestClient.Behind(_node.RestAddress, header.Split('|'));

        await FailAsync(client);

        Assert.Equal(counted, await _node.ScalarAsync<string>("SELECT string_agg(address, ',') FROM login_failure WHERE username = ''"));
    }

    [Fact]
    public async Task Nobody_else_is_believed()
    {
        using var client = RestClient.From(IPAddress.Parse("127.0.0.2"), _node.RestAddress);
        client.Http.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.7");
        client.Http.DefaultRequestHeaders.Add("Forwarded", "for=192.0.2.7");
        client.Http.DefaultRequestHeaders.Add("X-Real-IP", "192.0.2.7");

        await FailAsync(client);

        Assert.Equal("127.0.0.2", await _node.ScalarAsync<string>("SELECT string_agg(address, ',') FROM login_failure WHERE username = ''"));
    }

    [Fact]
    public async Task Callers_behind_one_proxy_do_not_lock_each_other_out()
    {
        using var one = RestClient.Behind(_node.RestAddress, "192.0.2.7");
        using var neighbour = RestClient.Behind(_node.RestAddress, "192.0.2.8");
        for (var i = 0; i < 5; i++)
        {
            await FailAsync(one);
        }

        (await LogInAsync(one, TestAccount.Password)).ExpectError(HttpStatusCode.TooManyRequests, "TOO_MANY_REQUESTS");
        (await LogInAsync(neighbour, TestAccount.Password)).Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_network_of_IPv6_counts_as_one_peer_whatever_address_in_it_is_used()
    {
        for (var i = 1; i <= 5; i++)
        {
            using var client = RestClient.Behind(_node.RestAddress, $"2001:db8:1:2:{i}::{i}");
            await FailAsync(client, $"user {i}");
        }
        using var same = RestClient.Behind(_node.RestAddress, "2001:db8:1:2:ffff::");
        using var other = RestClient.Behind(_node.RestAddress, "2001:db8:1:3::1");

        (await LogInAsync(same, TestAccount.Password)).ExpectError(HttpStatusCode.TooManyRequests, "TOO_MANY_REQUESTS");
        (await LogInAsync(other, TestAccount.Password)).Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task The_record_of_a_reveal_names_for_whom_the_proxy_called()
    {
        var scenario = new Scenario(_node.Rest);
        var (id, _) = await scenario.KeyAsync(await scenario.EnvironmentAsync(await scenario.ProjectAsync(await scenario.ClientAsync())));
        using var client = RestClient.Behind(_node.RestAddress, "198.51.100.9, 2001:db8:1:2::7");
        await client.SignInAsync(TestAccount.Username, TestAccount.Password);
        client.Token = (await client.PostAsync("/auth/reauthenticate", new { action = "REVEAL_API_KEY", password = TestAccount.Password }))
            .Expect(HttpStatusCode.OK)
            .Text("access_token");

        (await client.GetAsync($"/api-keys/{id}/reveal/key")).Expect(HttpStatusCode.OK);

        Assert.Equal(
            "2001:db8:1:2::7", await _node.ScalarAsync<string>("SELECT peer_address FROM reveal_audit WHERE api_key_id = $1", id));
    }

    private static async Task FailAsync(RestClient client, string username = TestAccount.Username) =>
        (await LogInAsync(client, "wrong", username)).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");

    private static Task<RestAnswer> LogInAsync(RestClient client, string password, string username = TestAccount.Username) =>
        client.PostAsync("/auth/login", new { username, password });
}
