using System.Net;
using Grpc.Core;
using Pandora.Core.Errors;
using Pandora.Core.Gate;
using Pandora.Protos.ApiKey.V1;
using Pandora.Protos.Reservation.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Gate;

/// <summary>Calls that name themselves, so that their repetition gets the same answer.</summary>
public sealed class IdempotencyTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private TestNode Node => pandora.Node;

    [Fact]
    public async Task A_repetition_gets_the_first_answer_and_does_nothing()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);
        var request = Named(subscription, "one");
        request.Quantity = 3;

        var first = await Node.ConsumeAsync(request);
        await Node.ConsumeAsync(subscription.Request());
        var second = await Node.ConsumeAsync(request);

        Assert.True(first.BaseResponse.Valid);
        Assert.Equal(7, first.AvailableRequest);
        Assert.NotNull(first.BaseResponse.ResetAt);
        Assert.NotNull(first.BaseResponse.Project);
        Assert.Equal(first, second);
        Assert.Equal(6, await Node.LeftAsync(subscription));
        Assert.Equal(2, await Node.CallsOfAsync(subscription));
        await Node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task The_first_answer_stays_whatever_its_records_are_called_now()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = Named(subscription, "stays");
        var first = await Node.ConsumeAsync(request);

        (await Node.Rest.PatchAsync($"/projects/{subscription.Project}", new { name = Scenario.NewName("renamed") })).Expect(HttpStatusCode.OK);

        Assert.Equal(first, await Node.ConsumeAsync(request));
    }

    [Fact]
    public async Task A_repetition_whose_key_would_not_pass_now_gets_the_failure_of_now_and_takes_nothing()
    {
        await using var other = await pandora.StartAnotherNodeAsync();
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = Named(subscription, "revoked");
        var first = await Node.ConsumeAsync(request);
        async Task ExpectAsync(string failure)
        {
            foreach (var node in new[] { Node, other, Node })
            {
                var answer = (await node.ConsumeAsync(request)).BaseResponse;
                Assert.Equal((failure, false), (answer.FailureCode, answer.Valid));
                Assert.NotEqual(first.BaseResponse.RequestId, answer.RequestId);
                Assert.Equal(10 + (int)EnumWords<FailureCode>.Upper.Parse(failure), (await Node.LoggedAsync(answer.RequestId))!.Outcome);
            }
        }
        async Task DoAsync(string path) => (await Node.Rest.PostAsync(path)).Expect(HttpStatusCode.NoContent);

        await DoAsync($"/api-keys/{subscription.Key}/disable");
        await ExpectAsync("API_KEY_DISABLED");
        await DoAsync($"/api-keys/{subscription.Key}/enable");
        Assert.Equal(first, await Node.ConsumeAsync(request));
        await DoAsync($"/environments/{subscription.Environment}/disable");
        await ExpectAsync("ENVIRONMENT_DISABLED");
        await DoAsync($"/environments/{subscription.Environment}/enable");
        Assert.Equal(first, await other.ConsumeAsync(request));
        Assert.Equal(99, await Node.LeftAsync(subscription));
        (await Node.Rest.DeleteAsync($"/clients/{subscription.Client}")).Expect(HttpStatusCode.NoContent);
        await ExpectAsync("API_KEY_INVALID");
    }

    [Fact]
    public async Task Repetitions_at_once_of_a_call_whose_key_was_revoked_are_refused_each_with_a_row_of_its_own()
    {
        const int callers = 100;
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = Named(subscription, "revoked at once");
        var first = await Node.ConsumeAsync(request);
        (await Node.Rest.PostAsync($"/api-keys/{subscription.Key}/disable")).Expect(HttpStatusCode.NoContent);

        var answers = await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Node.ConsumeAsync(request)));

        Assert.All(answers, answer => Assert.Equal("API_KEY_DISABLED", answer.BaseResponse.FailureCode));
        Assert.Equal(callers, answers.Select(answer => answer.BaseResponse.RequestId).Distinct().Count());
        Assert.Equal(callers + 1, await Node.CallsOfAsync(subscription));
        (await Node.Rest.PostAsync($"/api-keys/{subscription.Key}/enable")).Expect(HttpStatusCode.NoContent);
        Assert.Equal(first, await Node.ConsumeAsync(request));
    }

    [Fact]
    public async Task A_repetition_of_a_key_that_has_expired_is_told_so()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var (_, secret) = await pandora.Scenario.KeyAsync(subscription.Environment, pandora.Clock.Now.AddMinutes(1));
        var request = Named(subscription, "expires");
        request.ApiKey = secret;
        Assert.True((await Node.ConsumeAsync(request)).BaseResponse.Valid);

        pandora.Clock.Advance(TimeSpan.FromMinutes(2));

        Assert.Equal("API_KEY_EXPIRED", (await Node.ConsumeAsync(request)).BaseResponse.FailureCode);
        Assert.Equal(99, await Node.LeftAsync(subscription));
        await Node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task Of_a_revocation_between_repetitions_at_once_every_later_call_knows()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: -1);
        for (var round = 0; round < 20; round++)
        {
            var request = Named(subscription, $"race-{round}");
            await Node.ConsumeAsync(request);
            var before = Enumerable.Range(0, 20).Select(_ => Node.ConsumeAsync(request)).ToList();
            (await Node.Rest.PostAsync($"/api-keys/{subscription.Key}/disable")).Expect(HttpStatusCode.NoContent);

            Assert.Equal("API_KEY_DISABLED", (await Node.ConsumeAsync(request)).BaseResponse.FailureCode);
            Assert.All(await Task.WhenAll(before), answer => Assert.Contains(answer.BaseResponse.FailureCode, (string[])["", "API_KEY_DISABLED"]));
            (await Node.Rest.PostAsync($"/api-keys/{subscription.Key}/enable")).Expect(HttpStatusCode.NoContent);
        }
        await Node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task Repetitions_on_another_node_and_after_a_restart_get_the_first_answer()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var (check, reservation) = (Named(subscription, "restart"), subscription.Reservation(quantity: 5));
        reservation.Validate.IdempotencyKey = "restart";
        ValidateConsumeResponse first;
        ReserveResponse held;
        await using (var other = await pandora.StartAnotherNodeAsync())
        {
            (first, held) = (await other.ConsumeAsync(check), await other.ReserveAsync(reservation));
        }

        await using var restarted = await pandora.StartAnotherNodeAsync();

        Assert.NotEqual("", held.ReservationId);
        foreach (var node in new[] { restarted, Node })
        {
            Assert.Equal(first, await node.ConsumeAsync(check));
            Assert.Equal(held, await node.ReserveAsync(reservation));
        }
        Assert.Equal(94, await Node.LeftAsync(subscription));
        Assert.Equal(2, await Node.CallsOfAsync(subscription));
    }

    [Fact]
    public async Task Of_50_simultaneous_repetitions_on_two_nodes_one_is_made_and_all_get_its_answer()
    {
        await using var other = await pandora.StartAnotherNodeAsync();
        var subscription = await pandora.Scenario.SubscriptionAsync();

        for (var round = 0; round < 10; round++)
        {
            var request = Named(subscription, $"at-once-{round}");
            var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(caller => (caller % 2 == 0 ? Node : other).ConsumeAsync(request)));

            Assert.Single(answers.Distinct());
            Assert.Equal(99 - round, answers[0].AvailableRequest);
        }
        Assert.Equal(10, await Node.CallsOfAsync(subscription));
        Assert.Equal(90, await Node.LeftAsync(subscription));
        await Node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task The_same_name_for_another_call_is_an_invalid_argument()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var first = await Node.ConsumeAsync(Named(subscription, "taken"));
        var held = subscription.Reservation();
        held.Validate.IdempotencyKey = "taken";
        await Node.ReserveAsync(held);

        foreach (var change in new Action<ValidateRequest>[]
        {
            request => request.Quantity = 2,
            request => request.ServiceVersion = "2",
            request => request.Request.Path = "/other",
            request => request.Request.Method = "PUT",
            request => request.Request.IpAddress = "::1",
            request => request.Request.RequestTime = new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = 1_700_000_000 },
            request => request.Request.Metadata = new RequestMetadata { Body = "b" },
            request => request.Request.Metadata = new RequestMetadata { Cookies = "b" },
        })
        {
            var request = Named(subscription, "taken");
            change(request);
            var reply = await TryAsync(Node, request);
            Assert.Equal(StatusCode.InvalidArgument, reply.Code);
            Assert.Equal(["idempotency_key"], reply.BrokenFields);
        }
        held.TimeToLive = new Google.Protobuf.WellKnownTypes.Duration { Seconds = 1 };
        var reservation = await Node.Grpc.CallAsync(
            ReservationCalls.ReservePath, held, ReserveResponse.Parser, TestContext.Current.CancellationToken);
        Assert.Equal(StatusCode.InvalidArgument, reservation.Code);
        Assert.Equal(["validate.idempotency_key"], reservation.BrokenFields);
        Assert.Equal(first, await Node.ConsumeAsync(Named(subscription, "taken")));
        Assert.Equal(2, await Node.CallsOfAsync(subscription));
    }

    [Fact]
    public async Task A_quantity_of_one_and_none_are_the_same_call()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var (absent, one) = (Named(subscription, "same"), Named(subscription, "same"));
        one.Quantity = 1;

        Assert.Equal(await Node.ConsumeAsync(absent), await Node.ConsumeAsync(one));
    }

    [Fact]
    public async Task A_name_belongs_to_one_key_and_one_method()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var (_, secondSecret) = await pandora.Scenario.KeyAsync(subscription.Environment);
        var request = Named(subscription, "scope");
        var otherKey = Named(subscription, "scope");
        otherKey.ApiKey = secondSecret;

        var ids = new[]
        {
            (await Node.ConsumeAsync(request)).BaseResponse.RequestId,
            (await Node.ValidateAsync(request)).RequestId,
            (await Node.ReserveAsync(new ReserveRequest { Validate = request })).BaseResponse.RequestId,
            (await Node.ConsumeAsync(otherKey)).BaseResponse.RequestId,
        };

        Assert.Equal(4, ids.Distinct().Count());
        Assert.Equal(97, await Node.LeftAsync(subscription));
    }

    [Theory]
    [InlineData(255, true)]
    [InlineData(256, false)]
    public async Task A_name_has_at_most_255_characters(int length, bool isAllowed)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = Named(subscription, string.Concat(Enumerable.Repeat("\U0001F511", length)));

        var reply = await TryAsync(Node, request);

        Assert.Equal(isAllowed ? StatusCode.OK : StatusCode.InvalidArgument, reply.Code);
        Assert.Equal(isAllowed ? [] : ["idempotency_key"], reply.BrokenFields);
    }

    [Fact]
    public async Task Refusals_are_remembered_too()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 0);
        var exceeded = await Node.ConsumeAsync(Named(subscription, "quota"));
        (await Node.Rest.PostAsync($"/api-keys/{subscription.Key}/disable")).Expect(HttpStatusCode.NoContent);
        var disabled = await Node.ConsumeAsync(Named(subscription, "disabled"));
        var unknown = Named(subscription, "unknown");
        unknown.ApiKey = "nobody-has-this-key";
        var invalid = await Node.ConsumeAsync(unknown);
        (await Node.Rest.PostAsync($"/api-keys/{subscription.Key}/enable")).Expect(HttpStatusCode.NoContent);

        Assert.Equal(
            ("QUOTA_EXCEEDED", "API_KEY_DISABLED", "API_KEY_INVALID"),
            (exceeded.BaseResponse.FailureCode, disabled.BaseResponse.FailureCode, invalid.BaseResponse.FailureCode));
        Assert.Equal(exceeded, await Node.ConsumeAsync(Named(subscription, "quota")));
        Assert.Equal(disabled, await Node.ConsumeAsync(Named(subscription, "disabled")));
        Assert.Equal(invalid, await Node.ConsumeAsync(unknown));
        Assert.Null(invalid.BaseResponse.Project);
        Assert.Equal("QUOTA_EXCEEDED", (await Node.ConsumeAsync(Named(subscription, "new"))).BaseResponse.FailureCode);
    }

    [Fact]
    public async Task A_name_is_kept_for_24_hours_exactly_and_then_forgotten()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: -1);
        var request = Named(subscription, "day");
        for (var i = 0; i < 150; i++)
        {
            await Node.ConsumeAsync(Named(subscription, $"many-{i}"));
        }
        var first = await Node.ConsumeAsync(request);

        await pandora.AdvanceAsync(TimeSpan.FromHours(24) - TimeSpan.FromMicroseconds(1));
        Assert.Equal(first, await Node.ConsumeAsync(request));
        pandora.Clock.Advance(TimeSpan.FromMicroseconds(1));
        request.Quantity = 2; // another call by now
        var second = await Node.ConsumeAsync(request);

        Assert.NotEqual(first.BaseResponse.RequestId, second.BaseResponse.RequestId);
        Assert.Equal(second, await Node.ConsumeAsync(request));
        await Node.ConsumeAsync(Named(subscription, "purge"));
        Assert.Equal(
            0,
            await Node.ScalarAsync<long>(
                "SELECT count(*) FROM remembered_answer WHERE answered_at <= $1", pandora.Clock.Now.AddHours(-24).UtcDateTime));
    }

    [Fact]
    public async Task Answers_are_forgotten_twice_as_fast_as_new_ones_are_remembered()
    {
        const int made = 512;
        const string forgotten = "SELECT count(*) FROM remembered_answer WHERE answered_at <= $1";
        var clock = new TestClock();
        await using var node = await TestNode.StartAsync(await pandora.Server.CreateDatabaseAsync(), clock);
        var subscription = await new Scenario(node).SubscriptionAsync(quota: 10_000);
        Task<ValidateConsumeResponse[]> MakeAsync(string prefix) =>
            Task.WhenAll(Enumerable.Range(0, made).Select(i => node.ConsumeAsync(Named(subscription, $"{prefix}-{i}"))));
        await MakeAsync("one");
        await MakeAsync("two");
        clock.Advance(TimeSpan.FromHours(25));
        var before = clock.Now.AddHours(-24).UtcDateTime;
        Assert.Equal(2 * made, await node.ScalarAsync<long>(forgotten, before));

        // In batches as large as they get: what is forgotten with each must grow with it.
        Task<ValidateConsumeResponse[]> making;
        await using (await RowLock.OnCounterAsync(node, subscription))
        {
            making = MakeAsync("three");
            await Eventually.HoldsAsync("a batch waits", async () => await node.ScalarAsync<long>(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0);
        }
        var answers = await making;

        Assert.Equal(0, await node.ScalarAsync<long>(forgotten, before));
        Assert.Equal(made, await node.ScalarAsync<long>("SELECT count(*) FROM remembered_answer"));
        Assert.Equal(answers[0], await node.ConsumeAsync(Named(subscription, "three-0")));
    }

    private static ValidateRequest Named(Subscription subscription, string name)
    {
        var request = subscription.Request();
        request.IdempotencyKey = name;
        return request;
    }

    private static Task<GrpcReply<ValidateConsumeResponse>> TryAsync(TestNode node, ValidateRequest request) =>
        node.Grpc.CallAsync(Calls.ConsumePath, request, ValidateConsumeResponse.Parser, TestContext.Current.CancellationToken);
}
