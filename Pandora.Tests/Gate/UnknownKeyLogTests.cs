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

    private static Task<TestNode> StartAsync(string database, TestClock clock) =>
        TestNode.StartAsync(database, clock, configure: settings => settings with { UnknownKeysLoggedPerMinute = Limit });

    private static ValidateRequest Unknown(Subscription subscription, int number)
    {
        var request = subscription.Request();
        request.ApiKey = $"nobody-has-this-key-{number}";
        return request;
    }
}
