using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Pandora.Core.Persistence;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>The clock of the database decides; that of one machine, however wrong, harms nobody.</summary>
public sealed class WrongClockTests(TestServer server)
{
    [Theory]
    [InlineData(3650)]
    [InlineData(-3650)]
    public async Task A_node_whose_machine_is_years_off_decides_and_records_like_the_others(int days)
    {
        await using var right = await TestNode.StartAsync(await server.CreateDatabaseAsync());
        await using var wrong = await StartAsync(right, DateTimeOffset.UtcNow.AddDays(days));
        var subscription = await new Scenario(right).SubscriptionAsync(quota: 5);

        Assert.Equal(4, (await wrong.ConsumeAsync(subscription.Request())).AvailableRequest);
        Assert.Equal(3, (await right.ConsumeAsync(subscription.Request())).AvailableRequest);

        Assert.Equal(
            0,
            await right.ScalarAsync<long>(
                """
                SELECT count(*) FROM request FULL JOIN environment_service ON true FULL JOIN api_key ON true
                 WHERE NOT (request_time BETWEEN now() - interval '10 minutes' AND now() + interval '10 seconds')
                    OR NOT (last_used BETWEEN now() - interval '10 minutes' AND now() + interval '10 seconds')
                    OR counted_since > now()
                """));
        // A token of the one is good on the other.
        (await wrong.Rest.GetAsync("/services")).Expect(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData(61, "DEGRADED")]
    [InlineData(-61, "DEGRADED")]
    [InlineData(10, "OK")]
    public async Task Health_says_when_the_machine_is_more_than_a_minute_off(int seconds, string status)
    {
        await using var right = await TestNode.StartAsync(await server.CreateDatabaseAsync());
        await using var wrong = await StartAsync(right, DateTimeOffset.UtcNow.AddSeconds(seconds));

        var health = (await wrong.Rest.GetAsync("/health")).Expect(HttpStatusCode.OK);

        Assert.Equal((status, "OK"), ((string)health["status"]!, (string)health["check"]!["database"]!["status"]!));
    }

    [Fact]
    public async Task A_counter_that_a_wrong_clock_has_moved_into_the_future_is_filled_up_once_and_goes_on()
    {
        var clock = new TestClock(); // noon
        await using var node = await TestNode.StartAsync(await server.CreateDatabaseAsync(), clock);
        var subscription = await new Scenario(node).SubscriptionAsync(quota: 5);
        await node.ConsumeAsync(subscription.Request());
        await node.ExecuteAsync("UPDATE environment_service SET counted_since = '2036-03-10T00:00:00Z'");

        Assert.Equal(5, await node.LeftAsync(subscription));
        Assert.Equal(4, (await node.ConsumeAsync(subscription.Request())).AvailableRequest);
        Assert.Equal(3, (await node.ConsumeAsync(subscription.Request())).AvailableRequest);
        clock.Advance(TimeSpan.FromHours(13));
        Assert.Equal(4, (await node.ConsumeAsync(subscription.Request())).AvailableRequest);
        clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(4, (await node.ConsumeAsync(subscription.Request())).AvailableRequest);
        await node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task A_manual_reset_heals_a_schedule_that_a_wrong_clock_has_moved_into_the_future()
    {
        var clock = new TestClock();
        await using var node = await TestNode.StartAsync(await server.CreateDatabaseAsync(), clock);
        var subscription = await new Scenario(node).SubscriptionAsync(quota: 5);
        await node.ConsumeAsync(subscription.Request());
        await node.ExecuteAsync("UPDATE environment_service SET counted_since = '2036-03-10T00:00:00Z'");
        await node.ExecuteAsync("UPDATE project_service SET last_reset = '2036-03-10T00:00:00Z'");

        (await node.Rest.PostAsync($"/projects/{subscription.Project}/services/{subscription.Service}/reset-requests")).Expect(HttpStatusCode.OK);

        Assert.Equal(4, (await node.ConsumeAsync(subscription.Request())).AvailableRequest);
        Assert.Equal(3, (await node.ConsumeAsync(subscription.Request())).AvailableRequest);
        for (var day = 0; day < 3; day++)
        {
            clock.Advance(TimeSpan.FromDays(1));
            Assert.Equal(4, (await node.ConsumeAsync(subscription.Request())).AvailableRequest);
        }
        await node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task No_number_of_resets_makes_the_books_overflow()
    {
        const long largest = 9_007_199_254_740_991;
        var clock = new TestClock();
        await using var node = await TestNode.StartAsync(await server.CreateDatabaseAsync(), clock);
        var subscription = await new Scenario(node).SubscriptionAsync(largest);
        var all = subscription.Request();
        all.Quantity = largest;

        // As after a thousand days; the books are proven modulo 2^61.
        await node.ExecuteAsync("UPDATE environment_service SET consumed_units = consumed_units + 3 * (2::bigint ^ 61)::bigint, granted_units = granted_units + 3 * (2::bigint ^ 61)::bigint");
        for (var day = 0; day < 600; day++)
        {
            if (day % 2 == 0)
            {
                Assert.Equal(0, (await node.ConsumeAsync(all)).AvailableRequest);
            }
            else
            {
                await node.HoldAsync(subscription, largest, TimeSpan.FromHours(12));
            }
            clock.Advance(TimeSpan.FromDays(1));
        }

        await node.Rest.SignInAsync(TestAccount.Username, TestAccount.Password);
        (await node.Rest.PostAsync($"/environments/{subscription.Environment}/services/{subscription.Service}/reset-requests")).Expect(HttpStatusCode.OK);
        (await node.Rest.PatchAsync($"/environments/{subscription.Environment}/services/{subscription.Service}", new { max_requests = 7 })).Expect(HttpStatusCode.OK);
        await node.ExpectProvenBooksAsync();
    }

    private static Task<TestNode> StartAsync(TestNode other, DateTimeOffset machine) =>
        TestNode.StartAsync(
            other.ConnectionString,
            dataDirectory: other.DataDirectory,
            adjust: builder => builder.Services.AddSingleton(new DatabaseClock(new FakeTimeProvider(machine))));
}
