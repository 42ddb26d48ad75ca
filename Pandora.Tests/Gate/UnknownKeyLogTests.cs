using Microsoft.Extensions.Time.Testing;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>A flood of keys that nobody has fills no disk: beyond a limit they are refused without a row, and counted.</summary>
public sealed class UnknownKeyLogTests(TestServer server)
{
    private const int Limit = 40;

    [Fact]
    public async Task So_many_a_minute_are_logged_on_all_nodes_together_and_one_row_tells_of_the_others()
    {
        var clock = new TestClock();
        await using var one = await StartAsync(await server.CreateDatabaseAsync(), clock);
        await using var two = await StartAsync(one.ConnectionString, clock);
        var subscription = await new Scenario(one).SubscriptionAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 300).Select(i => (i % 2 == 0 ? one : two).ConsumeAsync(Unknown(subscription, i))));
        var known = await one.ConsumeAsync(subscription.Request());

        Assert.All(answers, answer => Assert.Equal("API_KEY_INVALID", answer.BaseResponse.FailureCode));
        var logged = answers.Count(answer => answer.BaseResponse.RequestId != "");
        Assert.Equal(Limit, logged);
        Assert.NotEqual("", known.BaseResponse.RequestId);
        Assert.Equal(Limit + 1, await one.ScalarAsync<long>("SELECT count(*) FROM request"));

        clock.Advance(TimeSpan.FromMinutes(3));
        await Eventually.HoldsAsync("the minute is told of", async () => await one.ScalarAsync<long>("SELECT count(*) FROM request WHERE detail <> ''") > 0);
        // Each node tells what it knows; whoever comes after the minute was closed adds a row.
        await Eventually.HoldsAsync(
            "both nodes have told",
            async () => await one.ScalarAsync<long>("SELECT sum(substring(detail from '^[0-9]+')::bigint)::bigint FROM request WHERE detail <> ''") == 300 - Limit);
        Assert.NotEqual("", (await one.ConsumeAsync(Unknown(subscription, 1))).BaseResponse.RequestId); // another minute
    }

    [Fact]
    public async Task An_answer_without_a_row_is_not_remembered_under_its_idempotency_key()
    {
        var clock = new TestClock();
        await using var node = await StartAsync(await server.CreateDatabaseAsync(), clock);
        var subscription = await new Scenario(node).SubscriptionAsync();
        var named = Enumerable.Range(0, Limit + 5).Select(i =>
        {
            var request = Unknown(subscription, i);
            request.IdempotencyKey = $"name-{i}";
            return request;
        }).ToList();

        foreach (var request in named)
        {
            Assert.Equal("API_KEY_INVALID", (await node.ConsumeAsync(request)).BaseResponse.FailureCode);
        }

        Assert.Equal(Limit, await node.ScalarAsync<long>("SELECT count(*) FROM remembered_answer"));
        Assert.Equal("", (await node.ConsumeAsync(named[^1])).BaseResponse.RequestId);
        Assert.NotEqual("", (await node.ConsumeAsync(named[0])).BaseResponse.RequestId);
    }

    [Fact]
    public async Task Repetitions_under_one_idempotency_key_use_one_row_of_the_limit()
    {
        var clock = new TestClock();
        await using var one = await StartAsync(await server.CreateDatabaseAsync(), clock);
        await using var two = await StartAsync(one.ConnectionString, clock);
        var subscription = await new Scenario(one).SubscriptionAsync();
        var repeated = Unknown(subscription, 0);
        repeated.IdempotencyKey = "again";

        var first = await one.ConsumeAsync(repeated);
        var later = await Task.WhenAll(Enumerable.Range(0, 5 * Limit).Select(i => (i % 2 == 0 ? one : two).ConsumeAsync(repeated)));
        var others = new List<ValidateConsumeResponse>();
        for (var i = 1; i <= Limit; i++)
        {
            others.Add(await one.ConsumeAsync(Unknown(subscription, i)));
        }

        Assert.NotEqual("", first.BaseResponse.RequestId);
        Assert.All(later, answer => Assert.Equal(first, answer));
        Assert.All(others.SkipLast(1), answer => Assert.NotEqual("", answer.BaseResponse.RequestId));
        Assert.Equal("", others[^1].BaseResponse.RequestId);
        Assert.Equal(first, await one.ConsumeAsync(repeated)); // also when no other gets a row
        var tooLate = Unknown(subscription, 0);
        tooLate.IdempotencyKey = "too late";
        var unlogged = await Task.WhenAll(Enumerable.Range(0, 5 * Limit).Select(_ => one.ConsumeAsync(tooLate)));
        Assert.All(unlogged, answer => Assert.Equal(("API_KEY_INVALID", ""), (answer.BaseResponse.FailureCode, answer.BaseResponse.RequestId)));
        Assert.Equal(Limit, await one.ScalarAsync<long>("SELECT count(*) FROM request"));
    }

    [Fact]
    public async Task A_node_without_a_limit_does_not_look_for_minutes_to_close()
    {
        const string looks = "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname = 'unknown_key_minute'";
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var limited = await StartAsync(await server.CreateDatabaseAsync(), clock);
        await using var unlimited = await StartAsync(await server.CreateDatabaseAsync(), clock, limit: 0);

        await Eventually.HoldsAsync("the one with a limit looks", async () =>
        {
            clock.Advance(TimeSpan.FromSeconds(5));
            return await limited.ScalarAsync<long>(looks) >= 30;
        });

        Assert.InRange(await unlimited.ScalarAsync<long>(looks), 0, 1); // once, for what others have left
    }

    [Fact]
    public async Task What_nodes_with_a_limit_have_counted_is_told_when_there_is_none_any_more()
    {
        const int beyond = 7;
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var database = await server.CreateDatabaseAsync();
        await using (var limited = await StartAsync(database, clock))
        {
            var subscription = await new Scenario(limited).SubscriptionAsync();
            for (var i = 0; i < Limit + beyond; i++)
            {
                await limited.ConsumeAsync(Unknown(subscription, i));
            }
        }
        await using var unlimited = await StartAsync(database, clock, limit: 0);

        await Eventually.HoldsAsync("the minute is told of", async () =>
        {
            clock.Advance(TimeSpan.FromSeconds(30));
            return await unlimited.ScalarAsync<long>("SELECT count(*) FROM request WHERE detail LIKE $1", $"{beyond} more calls%") == 1;
        });
        Assert.Equal(0, await unlimited.ScalarAsync<long>("SELECT count(*) FROM unknown_key_minute"));
    }

    private static Task<TestNode> StartAsync(string database, TimeProvider clock, int limit = Limit) =>
        TestNode.StartAsync(database, clock, configure: settings => settings with { UnknownKeysLoggedPerMinute = limit });

    private static ValidateRequest Unknown(Subscription subscription, int number)
    {
        var request = subscription.Request();
        request.ApiKey = $"nobody-has-this-key-{number}";
        return request;
    }
}
