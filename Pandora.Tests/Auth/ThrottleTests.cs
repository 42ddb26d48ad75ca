using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Auth;

public sealed class ThrottleTests(PandoraFixture fixture) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private readonly RestClient _client = new(fixture.Node.RestAddress);

    private TestNode Node => fixture.Node;

    // The clock moves in these tests; the session of the node must be younger than an hour in each.
    public async ValueTask InitializeAsync()
    {
        await Node.ExecuteAsync("DELETE FROM login_failure");
        await Node.Rest.SignInAsync(TestAccount.Username, TestAccount.Password);
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact, Checklist(61)]
    public async Task The_sixth_wrong_login_has_to_wait_and_the_right_one_too()
    {
        await FailAsync(5);

        ExpectLocked(await LogInAsync("wrong"), 30);
        ExpectLocked(await LogInAsync(TestAccount.Password), 30);
        fixture.Clock.Advance(TimeSpan.FromMilliseconds(29_500));
        ExpectLocked(await LogInAsync(TestAccount.Password), 1);
        fixture.Clock.Advance(TimeSpan.FromMilliseconds(500));
        (await LogInAsync(TestAccount.Password)).Expect(HttpStatusCode.OK);
        Assert.Equal(0, await Node.ScalarAsync<long>("SELECT count(*) FROM login_failure"));
    }

    [Fact]
    public async Task Each_failure_after_a_lock_doubles_it_up_to_15_minutes()
    {
        await FailAsync(5);

        foreach (var (before, after) in new[] { (30, 60), (60, 120), (120, 240), (240, 480), (480, 900), (900, 900) })
        {
            fixture.Clock.Advance(TimeSpan.FromSeconds(before));
            await FailAsync(1);
            ExpectLocked(await LogInAsync("wrong"), after);
        }
    }

    [Fact]
    public async Task A_success_ends_the_counting()
    {
        await FailAsync(4);
        (await LogInAsync(TestAccount.Password)).Expect(HttpStatusCode.OK);
        await FailAsync(4);

        (await LogInAsync(TestAccount.Password)).Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_counter_is_forgotten_after_an_hour_without_failure_and_its_row_goes_with_the_next_one()
    {
        await FailAsync(3, "somebody");
        fixture.Clock.Advance(TimeSpan.FromMinutes(60));
        await FailAsync(4);

        (await LogInAsync("wrong")).Expect(HttpStatusCode.Unauthorized);
        ExpectLocked(await LogInAsync("wrong"), 30);
        Assert.Equal(2, await Node.ScalarAsync<long>("SELECT count(*) FROM login_failure"));
    }

    [Fact]
    public async Task A_peer_is_locked_for_every_username_and_a_username_for_no_other_peer()
    {
        using var elsewhere = RestClient.From(IPAddress.Parse("127.0.0.2"), Node.RestAddress);
        await FailAsync(5);

        ExpectLocked(await LogInAsync(TestAccount.Password), 30);
        ExpectLocked(await LogInAsync("wrong", "somebody else"), 30);
        (await LogInAsync("wrong", "somebody else", elsewhere)).Expect(HttpStatusCode.Unauthorized);
        (await LogInAsync(TestAccount.Password, client: elsewhere)).Expect(HttpStatusCode.OK);
        ExpectLocked(await LogInAsync(TestAccount.Password), 30);
    }

    [Fact]
    public async Task A_success_ends_the_counting_of_its_peer_but_not_of_another_username_there()
    {
        await FailAsync(4, "somebody");
        (await LogInAsync(TestAccount.Password)).Expect(HttpStatusCode.OK);
        await FailAsync(1, "somebody");

        ExpectLocked(await LogInAsync("wrong", "somebody"), 30);
        (await LogInAsync(TestAccount.Password)).Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Ever_new_usernames_of_one_peer_leave_no_more_rows_than_there_are_answers()
    {
        for (var i = 0; i < 20; i++)
        {
            await LogInAsync("wrong", $"user {i}");
        }

        Assert.Equal("1 address, 5 usernames", await Node.ScalarAsync<string>(
            "SELECT format('%s address, %s usernames', count(*) FILTER (WHERE username = ''), count(*) FILTER (WHERE username <> '')) FROM login_failure"));
    }

    [Fact]
    public async Task Failures_from_elsewhere_lock_no_session_out()
    {
        using var elsewhere = RestClient.From(IPAddress.Parse("127.0.0.2"), Node.RestAddress);
        for (var i = 0; i < 5; i++)
        {
            (await LogInAsync("wrong", client: elsewhere)).Expect(HttpStatusCode.Unauthorized);
        }
        ExpectLocked(await LogInAsync("wrong", client: elsewhere), 30);

        (await ReauthenticateAsync(TestAccount.Password)).Expect(HttpStatusCode.OK);
        (await ReauthenticateAsync("wrong")).ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");
        (await ChangeAsync("wrong")).ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");
    }

    [Fact]
    public async Task A_counter_from_a_clock_that_was_years_ahead_locks_nobody_out()
    {
        await FailAsync(5);
        await Node.ExecuteAsync(
            "UPDATE login_failure SET last_failure = last_failure + interval '10 years', locked_until = locked_until + interval '10 years'");

        (await LogInAsync("wrong")).Expect(HttpStatusCode.Unauthorized);
        Assert.Equal(1, await Node.ScalarAsync<int>("SELECT max(failures) FROM login_failure"));
        (await LogInAsync(TestAccount.Password)).Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_forwarding_header_names_no_peer()
    {
        await FailAsync(5, "somebody");
        var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/auth/login")
        {
            Content = Raw.Body("username=Admin&password=x", Raw.Form),
        };
        request.Headers.Add("X-Forwarded-For", "192.0.2.9");
        request.Headers.Add("Forwarded", "for=192.0.2.9");

        ExpectLocked(await _client.SendAsync(request), 30);
    }

    [Fact]
    public async Task Faulty_inputs_are_not_counted_and_are_told_before_the_lock()
    {
        for (var i = 0; i < 6; i++)
        {
            (await _client.PostAsync("/auth/login", new { username = TestAccount.Username })).Expect(HttpStatusCode.UnprocessableEntity);
        }
        await FailAsync(5);

        (await _client.PostAsync("/auth/login", new { username = TestAccount.Username })).Expect(HttpStatusCode.UnprocessableEntity);
    }

    [Fact]
    public async Task Of_many_simultaneous_guesses_on_two_nodes_five_are_answered()
    {
        await using var other = await fixture.StartAnotherNodeAsync();
        using var client = new RestClient(other.RestAddress);

        var answers = await Task.WhenAll(Enumerable.Range(0, 30)
            .Select(i => LogInAsync("wrong", client: i % 2 == 0 ? _client : client)));

        Assert.Equal(5, answers.Count(answer => answer.Status == HttpStatusCode.Unauthorized));
        Assert.Equal(25, answers.Count(answer => answer.Status == HttpStatusCode.TooManyRequests));
    }

    [Fact]
    public async Task Simultaneous_logins_with_the_right_password_all_succeed()
    {
        await FailAsync(4);

        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => LogInAsync(TestAccount.Password)));

        Assert.All(answers, answer => answer.Expect(HttpStatusCode.OK));
    }

    [Fact, Checklist(75)]
    public async Task A_wrong_password_at_reauthentication_is_403_and_the_session_goes_on()
    {
        (await ReauthenticateAsync("wrong")).ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");

        (await Node.Rest.GetAsync("/services")).Expect(HttpStatusCode.OK);
        var answer = (await ReauthenticateAsync(TestAccount.Password)).Expect(HttpStatusCode.OK);
        Assert.Equal(["token_type", "expires_in", "access_token"], answer.Json.AsObject().Select(property => property.Key));
        Assert.Equal("no-store", answer.Response.Headers.CacheControl?.ToString());
    }

    [Fact]
    public async Task Reauthentications_changes_of_the_password_and_logins_share_their_counters()
    {
        await FailAsync(2);
        (await ReauthenticateAsync("wrong")).Expect(HttpStatusCode.Forbidden);
        for (var i = 0; i < 2; i++)
        {
            (await ChangeAsync("wrong")).Expect(HttpStatusCode.Forbidden);
        }

        ExpectLocked(await ReauthenticateAsync(TestAccount.Password), 30);
        ExpectLocked(await ChangeAsync(TestAccount.Password), 30);
        ExpectLocked(await ChangeAsync("wrong"), 30);
        ExpectLocked(await LogInAsync(TestAccount.Password), 30);
        (await Node.Rest.GetAsync("/services")).Expect(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("""{"action":"OTHER","password":"x"}""", "Reauthenticate", "action")]
    [InlineData("""{"action":"reveal_api_key","password":"x"}""", "Reauthenticate", "action")]
    [InlineData("""{"password":"x"}""", "Reauthenticate", "action")]
    [InlineData("""{"action":"REVEAL_API_KEY"}""", "Reauthenticate", "password")]
    [InlineData("""{"action":"REVEAL_API_KEY","password":null}""", "Reauthenticate", "password")]
    [InlineData("""{"action":7,"password":"x"}""", "body", "action")]
    [InlineData("", "body", null)]
    public async Task A_faulty_reauthentication_is_refused_at_its_field(string body, string entity, string? loc) =>
        (await Node.Rest.PostAsync("/auth/reauthenticate", body))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", entity, loc);

    private static void ExpectLocked(RestAnswer answer, int seconds)
    {
        answer.ExpectError(HttpStatusCode.TooManyRequests, "TOO_MANY_REQUESTS");
        Assert.Equal(TimeSpan.FromSeconds(seconds), answer.Response.Headers.RetryAfter?.Delta);
    }

    private async Task FailAsync(int times, string username = TestAccount.Username)
    {
        for (var i = 0; i < times; i++)
        {
            (await LogInAsync("wrong", username)).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        }
    }

    private Task<RestAnswer> LogInAsync(string password, string username = TestAccount.Username, RestClient? client = null) =>
        (client ?? _client).PostAsync("/auth/login", new { username, password });

    private Task<RestAnswer> ReauthenticateAsync(string password) =>
        Node.Rest.PostAsync("/auth/reauthenticate", new { action = "REVEAL_API_KEY", password });

    /// <summary>To a password that is never taken: these tests do without a right current one, or are locked.</summary>
    private Task<RestAnswer> ChangeAsync(string current) => Node.Rest.PostAsync(
        "/auth/change-password",
        new { new_password = "quite another one", confirm_password = "quite another one", current_password = current });
}
