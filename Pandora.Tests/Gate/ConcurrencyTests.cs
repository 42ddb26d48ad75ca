using System.Net;
using Grpc.Core;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

public sealed class ConcurrencyTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    [Fact, Checklist(20)]
    public async Task Of_50_callers_on_20_requests_exactly_20_pass_and_all_50_are_logged()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 20);

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => pandora.Node.ConsumeAsync(subscription.Request())));

        Assert.Equal(20, answers.Count(answer => answer.BaseResponse.Valid));
        Assert.Equal(30, answers.Count(answer => answer.BaseResponse.FailureCode == "QUOTA_EXCEEDED"));
        Assert.Equal(
            Enumerable.Range(0, 20).Select(left => (long)left),
            answers.Where(answer => answer.BaseResponse.Valid).Select(answer => answer.AvailableRequest).Order());
        Assert.Equal(50, await RowsAsync(subscription, "true"));
    }

    [Fact]
    public async Task Two_nodes_together_grant_a_quota_exactly_once()
    {
        await using var other = await pandora.StartAnotherNodeAsync();
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 500);

        var answers = await Task.WhenAll(
            Enumerable.Range(0, 24).Select(caller => ConsumeAsync(caller % 2 == 0 ? pandora.Node : other, subscription, 50)));

        var valid = answers.SelectMany(answer => answer).Where(answer => answer.BaseResponse.Valid).ToList();
        Assert.Equal(500, valid.Count);
        Assert.Equal(500, valid.Select(answer => answer.AvailableRequest).Distinct().Count());
        Assert.Equal(500, await RowsAsync(subscription, "outcome = 0"));
        Assert.Equal(24 * 50, await RowsAsync(subscription, "true"));
        Assert.Equal(0, await AvailableAsync(subscription));
    }

    [Theory]
    [InlineData("")]
    [InlineData("named")]
    public async Task Units_that_come_back_while_a_call_waits_for_its_counter_are_there_for_it(string idempotencyKey)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 5);
        var held = await pandora.Node.HoldAsync(subscription, quantity: 5);
        await using var counter = await RowLock.OnCounterAsync(pandora.Node, subscription);
        var request = subscription.Request();
        request.IdempotencyKey = idempotencyKey;

        var waiting = pandora.Node.ConsumeAsync(request);
        await Eventually.HoldsAsync("the call waits for the counter", async () => await pandora.Node.ScalarAsync<long>(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1);
        await counter.RollbackAsync(held.ReservationId);
        var answer = await waiting;

        Assert.True(answer.BaseResponse.Valid, answer.BaseResponse.FailureCode);
        Assert.Equal(4, answer.AvailableRequest);
        await pandora.Node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task Reservations_that_come_and_go_on_two_nodes_fail_no_call()
    {
        await using var other = await pandora.StartAnotherNodeAsync();
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 3);

        var held = await Task.WhenAll(Enumerable.Range(0, 16).Select(caller =>
            HoldAndRollBackAsync(caller % 2 == 0 ? pandora.Node : other, subscription, rounds: 50)));

        Assert.True(held.Sum() > 0);
        Assert.Equal(3, await pandora.Node.LeftAsync(subscription));
        await pandora.Node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task A_switch_answered_by_one_node_binds_the_next_call_on_the_other()
    {
        await using var other = await pandora.StartAnotherNodeAsync();
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: -1);

        for (var round = 0; round < 25; round++)
        {
            (await pandora.Node.Rest.PostAsync($"/api-keys/{subscription.Key}/disable")).Expect(HttpStatusCode.NoContent);
            Assert.Equal("API_KEY_DISABLED", (await other.ValidateAsync(subscription.Request())).FailureCode);
            (await pandora.Node.Rest.PostAsync($"/api-keys/{subscription.Key}/enable")).Expect(HttpStatusCode.NoContent);
            Assert.True((await other.ValidateAsync(subscription.Request())).Valid);
        }
    }

    [Fact, Checklist(39)]
    public async Task A_quota_change_amid_consumption_neither_loses_nor_refunds_a_request()
    {
        const int Quota = 100_000;
        var subscription = await pandora.Scenario.SubscriptionAsync(Quota);
        using var changed = new CancellationTokenSource();
        var consuming = Enumerable.Range(0, 8).Select(_ => ConsumeUntilAsync(subscription, changed.Token)).ToArray();

        for (var round = 0; round < 20; round++)
        {
            var answer = await pandora.Node.Rest.PatchAsync(
                $"/environments/{subscription.Environment}/services/{subscription.Service}",
                new { max_requests = round % 2 == 0 ? 2 * Quota : Quota });
            answer.Expect(HttpStatusCode.OK);
        }
        await changed.CancelAsync();
        var consumed = (await Task.WhenAll(consuming)).Sum();

        Assert.True(consumed >= 20, $"{consumed} calls among 20 changes");
        Assert.Equal(Quota - consumed, await AvailableAsync(subscription));
    }

    [Fact, Checklist(12)]
    public async Task Checks_go_on_without_error_while_their_environment_is_deleted()
    {
        var subscriptions = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => pandora.Scenario.SubscriptionAsync()));
        var consuming = subscriptions.Select(subscription => ConsumeAsync(pandora.Node, subscription, 40)).ToArray();

        foreach (var subscription in subscriptions)
        {
            (await pandora.Node.Rest.DeleteAsync($"/environments/{subscription.Environment}")).Expect(HttpStatusCode.NoContent);
        }

        foreach (var answers in await Task.WhenAll(consuming))
        {
            var codes = answers.Select(answer => answer.BaseResponse.FailureCode).ToList();
            Assert.Subset(new HashSet<string> { "", "API_KEY_INVALID" }, codes.ToHashSet());
            Assert.Equal(codes.OrderBy(code => code.Length), codes);
        }
        Assert.Equal("API_KEY_INVALID", (await pandora.Node.ConsumeAsync(subscriptions[0].Request())).BaseResponse.FailureCode);
    }

    [Fact, Checklist(19)]
    public async Task A_check_does_not_wait_for_somebody_who_holds_the_row_of_its_key()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        await pandora.Node.ConsumeAsync(subscription.Request());
        await using var connection = new Npgsql.NpgsqlConnection(pandora.Node.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var hold = new Npgsql.NpgsqlCommand($"SELECT 1 FROM api_key WHERE id = {subscription.Key} FOR UPDATE", connection);
        await hold.ExecuteScalarAsync(TestContext.Current.CancellationToken);

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => pandora.Node.ConsumeAsync(subscription.Request())));

        Assert.All(answers, answer => Assert.True(answer.BaseResponse.Valid));
    }

    [Fact, Checklist(19)]
    public async Task First_checks_of_a_key_on_two_nodes_at_once_are_all_answered()
    {
        await using var other = await pandora.StartAnotherNodeAsync();
        var subscriptions = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => pandora.Scenario.SubscriptionAsync()));

        var answers = await Task.WhenAll(subscriptions.SelectMany(subscription => Enumerable.Range(0, 10).Select(
            i => (i % 2 == 0 ? pandora.Node : other).ConsumeAsync(subscription.Request()))));

        Assert.All(answers, answer => Assert.True(answer.BaseResponse.Valid));
        foreach (var subscription in subscriptions)
        {
            Assert.NotNull((await pandora.Node.Rest.GetAsync($"/api-keys/{subscription.Key}"))["last_used"]);
        }
    }

    /// <returns>How many calls there were, all valid.</returns>
    private async Task<int> ConsumeUntilAsync(Subscription subscription, CancellationToken end)
    {
        var calls = 0;
        for (; !end.IsCancellationRequested; calls++)
        {
            Assert.True((await pandora.Node.ConsumeAsync(subscription.Request())).BaseResponse.Valid);
        }
        return calls;
    }

    private static async Task<List<ValidateConsumeResponse>> ConsumeAsync(TestNode node, Subscription subscription, int times)
    {
        var answers = new List<ValidateConsumeResponse>();
        for (var i = 0; i < times; i++)
        {
            answers.Add(await node.ConsumeAsync(subscription.Request()));
        }
        return answers;
    }

    private Task<long> RowsAsync(Subscription subscription, string condition) =>
        pandora.Node.ScalarAsync<long>(
            $"""
            SELECT count(*) FROM request JOIN logged_service service ON service.id = logged_service_id
             WHERE service.service_id = {subscription.Service} AND {condition}
            """);

    /// <returns>How many reservations were made.</returns>
    private static async Task<int> HoldAndRollBackAsync(TestNode node, Subscription subscription, int rounds)
    {
        var made = 0;
        for (var round = 0; round < rounds; round++)
        {
            var answer = await node.ReserveAsync(subscription.Reservation(quantity: 1));
            if (answer.BaseResponse.Valid)
            {
                made++;
                Assert.Equal(StatusCode.OK, await node.RollbackAsync(answer.ReservationId));
            }
            else
            {
                Assert.Equal("QUOTA_EXCEEDED", answer.BaseResponse.FailureCode);
            }
        }
        return made;
    }

    private Task<long> AvailableAsync(Subscription subscription) =>
        pandora.Node.ScalarAsync<long>("SELECT available_requests FROM environment_service WHERE environment_id = $1", subscription.Environment);
}
