using System.Net;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>What an administrator was answered binds the next check, on every node, with no wait.</summary>
public sealed class ImmediacyTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const int Rounds = 1_000;

    private TestNode Node => pandora.Node;

    [Fact]
    public async Task For_a_thousand_rounds_the_next_check_on_either_node_obeys_the_last_answer()
    {
        await using var other = await pandora.StartAnotherNodeAsync();
        var world = await World.MakeAsync(pandora);
        var changes = world.Changes();

        for (var round = 0; round < Rounds; round++)
        {
            var (what, write) = changes[round % changes.Count];
            (await write()).Expect(world.Expected);
            foreach (var node in round % 2 == 0 ? new[] { other, Node } : [Node, other])
            {
                var answer = await node.ConsumeAsync(world.Request);
                Assert.Equal((round, what, world.NextAnswer()), (round, what, World.AnswerOf(answer)));
                if (world.IsNew)
                {
                    Assert.Equal(world.Names, World.NamesOf(await node.LoggedAsync(answer.BaseResponse.RequestId)));
                }
            }
        }
    }

    [Fact]
    public async Task What_was_unknown_is_known_as_soon_as_it_is_made_and_unknown_as_soon_as_it_is_gone()
    {
        await using var other = await pandora.StartAnotherNodeAsync();
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: -1);

        for (var round = 0; round < 25; round++)
        {
            var request = subscription.Request();
            request.ServiceName = Scenario.NewName("unborn");
            Assert.Equal("SERVICE_MISMATCH", await FailureAsync(other, request));
            var (service, _) = await pandora.Scenario.ServiceAsync(request.ServiceName);
            Assert.Equal("SERVICE_NOT_ASSIGNED", await FailureAsync(other, request));
            (await Node.Rest.DeleteAsync($"/services/{service}")).Expect(HttpStatusCode.NoContent);
            Assert.Equal("SERVICE_MISMATCH", await FailureAsync(other, request));

            var (key, secret) = await pandora.Scenario.KeyAsync(subscription.Environment);
            request = subscription.Request();
            request.ApiKey = secret;
            Assert.Equal("", await FailureAsync(other, request));
            (await Node.Rest.DeleteAsync($"/api-keys/{key}")).Expect(HttpStatusCode.NoContent);
            Assert.Equal("API_KEY_INVALID", await FailureAsync(other, request));
        }
    }

    [Theory]
    [InlineData("UPDATE api_key SET status = 'disabled' WHERE id = {key}", "API_KEY_DISABLED")]
    [InlineData("UPDATE api_key SET expires_at = '2000-01-01' WHERE id = {key}", "API_KEY_EXPIRED")]
    [InlineData("UPDATE api_key SET key_hash = sha256('another') WHERE id = {key}", "API_KEY_INVALID")]
    [InlineData("DELETE FROM api_key WHERE id = {key}", "API_KEY_INVALID")]
    [InlineData("UPDATE service SET version = '2' WHERE id = {service}", "SERVICE_MISMATCH")]
    [InlineData("UPDATE environment SET status = 'disabled' WHERE id = {environment}", "ENVIRONMENT_DISABLED")]
    [InlineData("UPDATE project SET status = 'disabled' WHERE id = {project}", "ENVIRONMENT_DISABLED")]
    [InlineData("DELETE FROM environment_service WHERE environment_id = {environment}", "SERVICE_NOT_ASSIGNED")]
    [InlineData("DELETE FROM project_service WHERE project_id = {project}", "SERVICE_NOT_ASSIGNED")]
    [InlineData("DELETE FROM client WHERE id = {client}", "API_KEY_INVALID")]
    [InlineData("UPDATE environment_service SET max_requests = 0, granted_units = consumed_units WHERE environment_id = {environment}", "QUOTA_EXCEEDED")]
    public async Task What_is_changed_by_hand_in_the_database_counts_as_well(string sql, string failure)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        Assert.Equal("", await FailureAsync(Node, subscription.Request()));

        await Node.ExecuteAsync(sql
            .Replace("{key}", $"{subscription.Key}", StringComparison.Ordinal)
            .Replace("{service}", $"{subscription.Service}", StringComparison.Ordinal)
            .Replace("{environment}", $"{subscription.Environment}", StringComparison.Ordinal)
            .Replace("{project}", $"{subscription.Project}", StringComparison.Ordinal)
            .Replace("{client}", $"{subscription.Client}", StringComparison.Ordinal));

        Assert.Equal(failure, await FailureAsync(Node, subscription.Request()));
    }

    [Theory]
    [InlineData("DO $$ BEGIN FOR i IN 1..10050 LOOP UPDATE client SET name = name WHERE id = {client}; COMMIT; END LOOP; END $$")]
    [InlineData("INSERT INTO service (name, version, status, created_at) SELECT 'many-' || i, '1', 'enabled', now() FROM generate_series(1, 10050) AS i")]
    public async Task A_node_that_has_missed_more_changes_than_are_kept_forgets_everything(string many)
    {
        var (first, second) = (await pandora.Scenario.SubscriptionAsync(), await pandora.Scenario.SubscriptionAsync());
        Assert.Equal(("", ""), (await FailureAsync(Node, first.Request()), await FailureAsync(Node, second.Request())));

        await Node.ExecuteAsync("UPDATE api_key SET status = 'disabled' WHERE id = $1", first.Key);
        await Node.ExecuteAsync(many.Replace("{client}", $"{second.Client}", StringComparison.Ordinal));

        Assert.Equal("API_KEY_DISABLED", await FailureAsync(Node, first.Request()));
        Assert.Equal("", await FailureAsync(Node, second.Request()));
    }

    [Fact]
    public async Task Checks_keep_their_truth_while_administrators_write_without_pause()
    {
        await using var other = await pandora.StartAnotherNodeAsync();
        var (watched, busy) = (await pandora.Scenario.SubscriptionAsync(quota: -1), await pandora.Scenario.SubscriptionAsync());
        using var done = new CancellationTokenSource();
        var writing = WriteWithoutPauseAsync(busy, done.Token);

        for (var round = 0; round < 40; round++)
        {
            var verb = round % 2 == 0 ? "disable" : "enable";
            (await Node.Rest.PostAsync($"/environments/{watched.Environment}/{verb}")).Expect(HttpStatusCode.NoContent);
            var failures = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => FailureAsync(i % 2 == 0 ? Node : other, watched.Request())));
            Assert.All(failures, failure => Assert.Equal(verb == "disable" ? "ENVIRONMENT_DISABLED" : "", failure));
        }
        await done.CancelAsync();

        Assert.True(await writing > 0);
    }

    private async Task<int> WriteWithoutPauseAsync(Subscription subscription, CancellationToken end)
    {
        var writes = 0;
        for (; !end.IsCancellationRequested; writes++)
        {
            await Node.ExecuteAsync("UPDATE client SET name = name WHERE id = $1", subscription.Client);
        }
        return writes;
    }

    private static async Task<string> FailureAsync(TestNode node, ValidateRequest request) =>
        (await node.ConsumeAsync(request)).BaseResponse.FailureCode;
}
