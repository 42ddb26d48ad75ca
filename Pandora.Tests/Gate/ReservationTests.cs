using System.Net;
using Grpc.Core;
using Npgsql;
using Pandora.Protos.Reservation.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>Units that are held, and what becomes of them.</summary>
public sealed class ReservationTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private TestNode Node => pandora.Node;

    [Fact]
    public async Task A_valid_reservation_holds_its_units_has_an_id_and_an_end_and_a_forwarded_row()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);

        var answer = await Node.ReserveAsync(subscription.Reservation(quantity: 4));

        Assert.Equal((true, "", 6), (answer.BaseResponse.Valid, answer.BaseResponse.FailureCode, answer.AvailableRequest));
        Assert.True(Guid.TryParseExact(answer.ReservationId, "D", out _));
        Assert.NotEqual(answer.BaseResponse.RequestId, answer.ReservationId);
        Assert.Equal(pandora.Clock.Now.AddMinutes(15), answer.ExpiresAt.ToDateTimeOffset());
        Assert.Equal(subscription.Project, answer.BaseResponse.Project.Id);
        Assert.Equal((0, 4), (await RowAsync(answer)));
        Assert.Equal(6, await Node.LeftAsync(subscription));
        Assert.NotNull((await Node.Rest.GetAsync($"/api-keys/{subscription.Key}"))["last_used"]);
    }

    [Fact]
    public async Task What_is_refused_has_a_row_and_reserves_nothing()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 3);
        var unknown = subscription.Reservation();
        unknown.Validate.ApiKey = "unknown to all";

        var tooMuch = await Node.ReserveAsync(subscription.Reservation(quantity: 4));
        var invalid = await Node.ReserveAsync(unknown);
        (await Node.Rest.PostAsync($"/projects/{subscription.Project}/disable")).Expect(HttpStatusCode.NoContent);
        var disabled = await Node.ReserveAsync(subscription.Reservation());

        Assert.Equal(
            [("QUOTA_EXCEEDED", 3L), ("API_KEY_INVALID", 0L), ("ENVIRONMENT_DISABLED", 0L)],
            new[] { tooMuch, invalid, disabled }.Select(answer => (answer.BaseResponse.FailureCode, answer.AvailableRequest)));
        Assert.All(new[] { tooMuch, invalid, disabled }, answer => Assert.True(answer is { ReservationId: "", ExpiresAt: null }));
        Assert.Equal([(11, 0), (19, 0), (12, 0)], [await RowAsync(tooMuch), await RowAsync(invalid), await RowAsync(disabled)]);
        Assert.Equal(0, await OpenAsync(subscription));
        Assert.Equal(3, await Node.LeftAsync(subscription));
    }

    [Fact]
    public async Task Committed_units_stay_taken_and_the_reservation_is_gone()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);
        var held = await Node.HoldAsync(subscription, quantity: 4);

        Assert.Equal(StatusCode.OK, await Node.CommitAsync(held.ReservationId.ToUpperInvariant()));

        Assert.Equal(6, await Node.LeftAsync(subscription));
        Assert.Equal((0, 4), await RowAsync(held));
        Assert.Equal((StatusCode.NotFound, StatusCode.NotFound), (await Node.CommitAsync(held.ReservationId), await Node.RollbackAsync(held.ReservationId)));
        Assert.Equal(6, await Node.LeftAsync(subscription));
        pandora.Clock.Advance(TimeSpan.FromMinutes(16));
        Assert.Equal(6, await Node.LeftAsync(subscription));
    }

    [Theory]
    [InlineData(0, 10)]
    [InlineData(1, 9)]
    [InlineData(3, 7)]
    [InlineData(4, 6)]
    public async Task Of_a_partial_commit_the_rest_goes_back(long used, long left)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);
        var held = await Node.HoldAsync(subscription, quantity: 4);

        Assert.Equal(StatusCode.OK, await Node.CommitAsync(held.ReservationId, used));

        Assert.Equal(left, await Node.LeftAsync(subscription));
        Assert.Equal((0, used), await RowAsync(held));
        Assert.Equal(StatusCode.NotFound, await Node.CommitAsync(held.ReservationId, used));
        await Node.ExpectProvenBooksAsync();
    }

    [Theory]
    [InlineData(5)]
    [InlineData(long.MaxValue)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public async Task More_than_was_reserved_or_less_than_nothing_is_an_invalid_argument_and_changes_nothing(long used)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);
        var held = await Node.HoldAsync(subscription, quantity: 4);

        var reply = await Node.TryCommitAsync(held.ReservationId, used);

        Assert.Equal(StatusCode.InvalidArgument, reply.Code);
        Assert.Equal(["actual_quantity"], reply.BrokenFields);
        Assert.Equal(6, await Node.LeftAsync(subscription));
        Assert.Equal(StatusCode.OK, await Node.RollbackAsync(held.ReservationId));
        Assert.Equal(StatusCode.NotFound, await Node.CommitAsync(held.ReservationId, used: Math.Max(0, used)));
    }

    [Fact, Checklist(26)]
    public async Task A_rollback_gives_back_at_a_drained_quota()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 5);
        var held = await Node.HoldAsync(subscription, quantity: 3);
        await Node.HoldAsync(subscription, quantity: 2);
        Assert.Equal("QUOTA_EXCEEDED", (await Node.ConsumeAsync(subscription.Request())).BaseResponse.FailureCode);

        Assert.Equal(StatusCode.OK, await Node.RollbackAsync(held.ReservationId));

        Assert.Equal(3, await Node.LeftAsync(subscription));
        Assert.Equal((0, 0), await RowAsync(held));
        Assert.Equal((StatusCode.NotFound, StatusCode.NotFound), (await Node.RollbackAsync(held.ReservationId), await Node.CommitAsync(held.ReservationId)));
        Assert.Equal(2, (await Node.ConsumeAsync(subscription.Request())).AvailableRequest);
        await Node.ExpectProvenBooksAsync();
    }

    [Theory, Checklist(26)]
    [InlineData("environment", 0, 5)]
    [InlineData("environment", 2, 5)]
    [InlineData("environment", 4, 4)]
    [InlineData("project", 0, 5)]
    [InlineData("project", 4, 4)]
    public async Task A_rollback_after_a_reset_never_exceeds_the_maximum(string reset, int usedAfterwards, long left)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 5);
        var held = await Node.HoldAsync(subscription, quantity: 3);
        (await Node.Rest.PostAsync(
            reset == "project"
                ? $"/projects/{subscription.Project}/services/{subscription.Service}/reset-requests"
                : $"/environments/{subscription.Environment}/services/{subscription.Service}/reset-requests")).Expect(HttpStatusCode.OK);
        for (var i = 0; i < usedAfterwards; i++)
        {
            Assert.True((await Node.ConsumeAsync(subscription.Request())).BaseResponse.Valid);
        }

        Assert.Equal(StatusCode.OK, await Node.RollbackAsync(held.ReservationId));

        Assert.Equal(left, await Node.LeftAsync(subscription));
        Assert.Equal(left - 1, (await Node.ConsumeAsync(subscription.Request())).AvailableRequest);
        await Node.ExpectProvenBooksAsync();
    }

    [Theory, Checklist(26)]
    [InlineData("rollback")]
    [InlineData("commit")]
    [InlineData("partly")]
    [InlineData("expiry")]
    public async Task Of_an_unlimited_quota_nothing_is_taken_and_nothing_goes_back(string end)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: -1);
        var held = await Node.HoldAsync(subscription, quantity: 7);

        Assert.Equal(-1, held.AvailableRequest);
        Assert.NotEqual("", held.ReservationId);
        Assert.Equal((0, 0), await RowAsync(held));
        Assert.Equal(StatusCode.InvalidArgument, await Node.CommitAsync(held.ReservationId, used: 8));
        await EndAsync(held, end);

        Assert.Equal(-1, await Node.LeftAsync(subscription));
        Assert.Equal(StatusCode.NotFound, await Node.RollbackAsync(held.ReservationId));
        Assert.Equal(-1, (await Node.HoldAsync(subscription)).AvailableRequest);
    }

    [Fact]
    public async Task What_was_held_of_a_finite_quota_does_not_go_back_to_an_unlimited_one()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);
        var held = await Node.HoldAsync(subscription, quantity: 4);
        var quota = $"/environments/{subscription.Environment}/services/{subscription.Service}";

        (await Node.Rest.PatchAsync(quota, new { max_requests = -1 })).Expect(HttpStatusCode.OK);
        Assert.Equal(StatusCode.OK, await Node.RollbackAsync(held.ReservationId));

        Assert.Equal(-1, await Node.LeftAsync(subscription));
        await Node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task With_the_assignment_go_its_reservations()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);
        var (first, second) = (await Node.HoldAsync(subscription, quantity: 4), await Node.HoldAsync(subscription));
        var services = $"/environments/{subscription.Environment}/services";

        (await Node.Rest.DeleteAsync($"{services}/{subscription.Service}")).Expect(HttpStatusCode.NoContent);
        Assert.Equal(StatusCode.NotFound, await Node.CommitAsync(first.ReservationId));
        (await Node.Rest.PostAsync(services, new { id = subscription.Service, max_requests = 10 })).Expect(HttpStatusCode.OK);

        Assert.Equal((StatusCode.NotFound, StatusCode.NotFound), (await Node.RollbackAsync(second.ReservationId), await Node.CommitAsync(second.ReservationId)));
        Assert.Equal(10, await Node.LeftAsync(subscription));
    }

    [Fact]
    public async Task A_counter_in_other_hands_keeps_only_its_own_reservations_from_ending()
    {
        var locked = await pandora.Scenario.SubscriptionAsync(quota: 10);
        var free = await pandora.Scenario.SubscriptionAsync(quota: 10);
        var stuck = await Node.HoldAsync(locked);
        var others = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Node.HoldAsync(free)));
        await using var session = new NpgsqlConnection(Node.ConnectionString);
        await session.OpenAsync(TestContext.Current.CancellationToken);
        await using var transaction = await session.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var take = new NpgsqlCommand("SELECT FROM environment_service WHERE environment_id = $1 FOR UPDATE", session)
        {
            Parameters = { new() { Value = locked.Environment } },
        };
        await take.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        var waiting = Node.RollbackAsync(stuck.ReservationId);
        var ended = await Task.WhenAll(others.Select(reservation => Node.RollbackAsync(reservation.ReservationId)));

        Assert.All(ended, code => Assert.Equal(StatusCode.OK, code));
        Assert.Equal(StatusCode.Unavailable, await waiting);
        await transaction.RollbackAsync(TestContext.Current.CancellationToken);
        Assert.Equal(StatusCode.OK, await Node.RollbackAsync(stuck.ReservationId));
    }

    [Fact]
    public async Task Of_many_ends_at_once_each_has_its_own_effect_and_answer()
    {
        const int Count = 40;
        Subscription[] subscriptions =
        [
            await pandora.Scenario.SubscriptionAsync(quota: 4 * Count), await pandora.Scenario.SubscriptionAsync(quota: 4 * Count),
        ];
        var held = await Task.WhenAll(Enumerable.Range(0, 2 * Count).Select(i => Node.HoldAsync(subscriptions[i % 2], quantity: 4)));

        var codes = await Task.WhenAll(held.Select((reservation, i) => Task.WhenAll((i / 2 % 4) switch
        {
            0 => [Node.CommitAsync(reservation.ReservationId), Node.CommitAsync(reservation.ReservationId)],
            1 => [Node.CommitAsync(reservation.ReservationId, used: 1)],
            2 => [Node.RollbackAsync(reservation.ReservationId), Node.RollbackAsync(reservation.ReservationId)],
            _ => new[] { Node.CommitAsync(reservation.ReservationId, used: 5), Node.CommitAsync(Guid.CreateVersion7().ToString()) },
        })));

        for (var i = 0; i < codes.Length; i++)
        {
            StatusCode[] expected = (i / 2 % 4) switch
            {
                1 => [StatusCode.OK],
                3 => [StatusCode.InvalidArgument, StatusCode.NotFound],
                _ => [StatusCode.OK, StatusCode.NotFound],
            };
            Assert.Equal(expected, codes[i].Order());
        }
        foreach (var subscription in subscriptions)
        {
            // Of every four: 4 units stay, 1 stays, none, and 4 are still held.
            Assert.Equal((4 * Count) - (Count / 4 * 9), await Node.LeftAsync(subscription));
        }
    }

    [Fact]
    public async Task The_log_row_stays_forwarded_until_its_outcome_is_reported_whatever_becomes_of_the_reservation()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);
        foreach (var end in new[] { "rollback", "commit", "partly" })
        {
            var held = await Node.HoldAsync(subscription, quantity: 2);
            await EndAsync(held, end);
            Assert.Equal(0, (await RowAsync(held)).Outcome);

            var report = await Node.Grpc.CallAsync(
                "/request.v1.RequestService/UpdateExecutionStatus",
                new Protos.Request.V1.UpdateExecutionStatusRequest { Id = held.BaseResponse.RequestId, ExecutionStatus = "success", StatusCode = 204 },
                Google.Protobuf.WellKnownTypes.Empty.Parser,
                TestContext.Current.CancellationToken);
            Assert.Equal(StatusCode.OK, report.Code);
        }
    }

    private async Task EndAsync(ReserveResponse held, string end)
    {
        switch (end)
        {
            case "rollback":
                Assert.Equal(StatusCode.OK, await Node.RollbackAsync(held.ReservationId));
                break;
            case "commit":
                Assert.Equal(StatusCode.OK, await Node.CommitAsync(held.ReservationId));
                break;
            case "partly":
                Assert.Equal(StatusCode.OK, await Node.CommitAsync(held.ReservationId, used: 1));
                break;
            default:
                pandora.Clock.Now = held.ExpiresAt.ToDateTimeOffset();
                break;
        }
    }

    private async Task<(int Outcome, long Units)> RowAsync(ReserveResponse answer)
    {
        var row = (await Node.LoggedAsync(answer.BaseResponse.RequestId))!;
        return (row.Outcome, row.Units);
    }

    private Task<long> OpenAsync(Subscription subscription) =>
        Node.ScalarAsync<long>(
            "SELECT count(*) FROM reservation JOIN environment_service es ON es.id = counter_id WHERE environment_id = $1", subscription.Environment);
}
