using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Pandora.Core.Security;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Auth;

/// <summary>
/// More passwords at once than there is time to hash, each of a name of its own. The tests hold the permits to hash
/// meanwhile, so that it does not depend on the machine who is still waiting.
/// </summary>
public sealed class LoginFloodTests(PandoraFixture fixture) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private const int Callers = 100;
    private const int Waiting = 16;

    /// <summary>Within which every call has to be answered, be it with a refusal.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(8);

    private TestNode _node = null!;

    public async ValueTask InitializeAsync() => _node = await StartAsync(await fixture.Server.CreateDatabaseAsync());

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task A_flood_of_logins_keeps_neither_a_session_waiting_nor_who_has_logged_in_from_there_before()
    {
        await LogInOnAnotherNodeAsync("203.0.113.9");
        using var held = await HoldPermitsAsync(ofKnown: false);
        using var proxy = new RestClient(_node.RestAddress);
        var flood = Enumerable.Range(0, Callers).Select(i => TimeAsync(LogInAsync(proxy, $"10.0.{i}.1", $"user {i}", "wrong"))).ToList();
        await CompletedAsync(flood, Callers - Waiting);

        (await ReauthenticateAsync(TestAccount.Password)).Expect(HttpStatusCode.OK);
        (await ReauthenticateAsync("wrong")).Expect(HttpStatusCode.Forbidden);
        (await LogInAsync(proxy, "127.0.0.1", TestAccount.Username, TestAccount.Password)).Expect(HttpStatusCode.OK);
        (await LogInAsync(proxy, "203.0.113.9", TestAccount.Username, TestAccount.Password)).Expect(HttpStatusCode.OK);

        Assert.All(await Task.WhenAll(flood), ExpectBusy);
        // Who was refused did not fail, and leaves nothing behind.
        Assert.Equal(0, await _node.ScalarAsync<long>("SELECT count(*) FROM login_failure"));
        Assert.Equal("", _node.Errors);
    }

    [Fact]
    public async Task Who_comes_from_a_quiet_network_finds_room_before_a_crowd()
    {
        using var held = await HoldPermitsAsync(ofKnown: false);
        using var proxy = new RestClient(_node.RestAddress);
        var crowd = Enumerable.Range(1, Callers).Select(i => TimeAsync(LogInAsync(proxy, $"10.0.0.{i}", $"user {i}", "wrong"))).ToList();
        await CompletedAsync(crowd, Callers - Waiting);

        var quiet = LogInAsync(proxy, "192.0.2.7", TestAccount.Username, TestAccount.Password);
        await CompletedAsync(crowd, Callers - Waiting + 1);
        held.Dispose();

        (await quiet).Expect(HttpStatusCode.OK);
        await Task.WhenAll(crowd);
    }

    [Fact]
    public async Task Changes_of_the_password_that_have_to_wait_are_all_answered_in_time_and_change_nothing()
    {
        using (await HoldPermitsAsync(ofKnown: true))
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => TimeAsync(_node.Rest.PostAsync("/auth/change-password", new
            {
                new_password = $"password number {i}",
                confirm_password = $"password number {i}",
                current_password = TestAccount.Password,
            }))));

            Assert.All(answers, ExpectBusy);
        }
        await _node.Rest.SignInAsync(TestAccount.Username, TestAccount.Password);
    }

    private static void ExpectBusy((RestAnswer Answer, TimeSpan Took) call)
    {
        call.Answer.ExpectError(HttpStatusCode.ServiceUnavailable, "UNAVAILABLE");
        Assert.True(call.Answer.Response.Headers.RetryAfter?.Delta >= TimeSpan.FromSeconds(1));
        Assert.True(call.Took < Limit, $"{call.Took}");
    }

    private static Task CompletedAsync(List<Task<(RestAnswer, TimeSpan)>> calls, int count) => Eventually.HoldsAsync(
        "calls for which there is no room", () => Task.FromResult(calls.Count(call => call.IsCompleted) >= count));

    private Task<TestNode> StartAsync(string database) => TestNode.StartAsync(
        database, fixture.Clock, configure: settings => settings with { TrustedProxies = [IPNetwork.Parse("127.0.0.1/32")] });

    /// <summary>All that there are of the kind, until it is disposed of.</summary>
    private async Task<Permits> HoldPermitsAsync(bool ofKnown)
    {
        var hashing = _node.Services.GetRequiredService<PasswordHashing>();
        var held = new Permits();
        while (true)
        {
            using var oneTooMany = new CancellationTokenSource();
            var acquiring = hashing.AcquireAsync(new PeerAddress(IPAddress.Loopback), ofKnown, oneTooMany.Token);
            if (!acquiring.IsCompleted)
            {
                await oneTooMany.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => acquiring.AsTask());
                return held;
            }
            held.Add((await acquiring)!);
        }
    }

    /// <summary>And waits until the node of the test has heard of it.</summary>
    private async Task LogInOnAnotherNodeAsync(string address)
    {
        await using var other = await StartAsync(_node.ConnectionString);
        using var client = RestClient.Behind(other.RestAddress, address);
        await client.SignInAsync(TestAccount.Username, TestAccount.Password);
        var known = _node.Services.GetRequiredService<KnownLogins>();
        await Eventually.HoldsAsync("the other node's login", () => Task.FromResult(
            known.Contains(TestAccount.Username, new PeerAddress(IPAddress.Parse(address)))));
    }

    private Task<RestAnswer> ReauthenticateAsync(string password) =>
        _node.Rest.PostAsync("/auth/reauthenticate", new { action = "REVEAL_API_KEY", password });

    private static Task<RestAnswer> LogInAsync(RestClient proxy, string address, string username, string password)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/auth/login")
        {
            Content = JsonContent.Create(new { username, password }),
        };
        request.Headers.Add("X-Forwarded-For", address);
        return proxy.SendAsync(request);
    }

    private static async Task<(RestAnswer Answer, TimeSpan Took)> TimeAsync(Task<RestAnswer> call)
    {
        var started = Stopwatch.GetTimestamp();
        return (await call, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Permits to hash that a test keeps from everybody else.</summary>
    private sealed class Permits : IDisposable
    {
        private readonly List<TurnQueue.Permit> _held = [];

        public void Add(TurnQueue.Permit permit) => _held.Add(permit);

        public void Dispose() => _held.ForEach(permit => permit.Dispose());
    }
}
