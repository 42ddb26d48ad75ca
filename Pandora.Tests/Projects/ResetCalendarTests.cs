using System.Globalization;
using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Projects;

/// <summary>
/// Resets over long spans, with the node away in between, as callers see them. Each test has a clock and a database of
/// its own.
/// </summary>
public sealed class ResetCalendarTests(TestServer server) : IAsyncLifetime
{
    private const int Quota = 3;

    private readonly TestClock _clock = new();
    private string _database = "";
    private TestNode _node = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        _node = await TestNode.StartAsync(_database, _clock);
    }

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact, Checklist(70)]
    public async Task Twenty_days_of_downtime_are_one_weekly_reset_and_the_weekday_stays()
    {
        await BeginAsync("2026-11-03T10:00:00Z"); // a Tuesday
        var subscription = await UsedUpAsync("weekly");
        Assert.Equal("2026-11-10T00:00:00Z", await NextResetAsync(subscription));

        await BeAwayUntilAsync("2026-11-30T12:00:00Z");

        Assert.Equal((true, Quota - 1), await ConsumeAsync(subscription));
        Assert.Equal("2026-12-01T00:00:00Z", await NextResetAsync(subscription));
        Assert.Equal((true, Quota - 2), await ConsumeAsync(subscription));
    }

    [Theory, Checklist(70)]
    [InlineData("2027-01-31T10:00:00Z", "2027-02-28T00:00:00Z", "2027-03-31T00:00:00Z", "2027-04-30T00:00:00Z")]
    [InlineData("2028-01-31T10:00:00Z", "2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z", "2028-04-30T00:00:00Z")]
    public async Task A_monthly_reset_from_the_31st_comes_back_to_it_after_a_short_month(string start, params string[] resets)
    {
        await BeginAsync(start);
        var subscription = await UsedUpAsync("monthly");

        foreach (var (reset, following) in resets.Zip(resets.Skip(1)))
        {
            Assert.Equal(reset, await NextResetAsync(subscription));
            await BeginAsync(reset, TimeSpan.FromMicroseconds(-1));
            Assert.Equal((false, 0), await ConsumeAsync(subscription));
            await BeginAsync(reset);
            await UseUpAsync(subscription);
            Assert.Equal(following, await NextResetAsync(subscription));
        }
    }

    [Fact, Checklist(71)]
    public async Task After_a_year_of_downtime_a_node_starts_and_every_reset_that_is_due_is_effective()
    {
        await BeginAsync("2026-01-31T10:00:00Z");
        var subscriptions = new List<Subscription>();
        foreach (var frequency in (string[])["daily", "weekly", "biweekly", "monthly"])
        {
            subscriptions.Add(await UsedUpAsync(frequency));
        }

        await BeAwayUntilAsync("2027-02-01T09:00:00Z");

        var nextResets = new List<string>();
        foreach (var subscription in subscriptions)
        {
            Assert.Equal((true, Quota - 1), await ConsumeAsync(subscription));
            nextResets.Add(await NextResetAsync(subscription));
        }
        Assert.Equal(["2027-02-02T00:00:00Z", "2027-02-06T00:00:00Z", "2027-02-13T00:00:00Z", "2027-02-28T00:00:00Z"], nextResets);
    }

    /// <summary>Sets the clock and signs in again, because a token lives for an hour only.</summary>
    private async Task BeginAsync(string at, TimeSpan difference = default)
    {
        _clock.Now = DateTimeOffset.Parse(at, CultureInfo.InvariantCulture) + difference;
        await _node.Rest.SignInAsync(TestAccount.Username, TestAccount.Password);
    }

    private async Task BeAwayUntilAsync(string at)
    {
        await _node.DisposeAsync();
        _clock.Now = DateTimeOffset.Parse(at, CultureInfo.InvariantCulture);
        _node = await TestNode.StartAsync(_database, _clock);
    }

    private async Task<Subscription> UsedUpAsync(string frequency)
    {
        var given = new Scenario(_node);
        var (service, name) = await given.ServiceAsync();
        var client = await given.ClientAsync();
        var project = await given.ProjectAsync(client);
        (await _node.Rest.PostAsync(
            $"/projects/{project}/services", new { id = service, max_requests = 100, reset_frequency = frequency })).Expect(HttpStatusCode.OK);
        var environment = await given.EnvironmentAsync(project, (service, Quota));
        var (key, secret) = await given.KeyAsync(environment);
        var subscription = new Subscription(service, name, client, project, environment, key, secret);
        await UseUpAsync(subscription);
        return subscription;
    }

    private async Task UseUpAsync(Subscription subscription)
    {
        for (var left = Quota - 1; left >= 0; left--)
        {
            Assert.Equal((true, left), await ConsumeAsync(subscription));
        }
        Assert.Equal((false, 0), await ConsumeAsync(subscription));
    }

    private async Task<(bool Valid, long Left)> ConsumeAsync(Subscription subscription)
    {
        var answer = await _node.ConsumeAsync(subscription.Request());
        return (answer.BaseResponse.Valid, answer.AvailableRequest);
    }

    private async Task<string> NextResetAsync(Subscription subscription) =>
        (await _node.Rest.GetAsync($"/projects/{subscription.Project}")).Value("services.0.next_reset")!;
}
