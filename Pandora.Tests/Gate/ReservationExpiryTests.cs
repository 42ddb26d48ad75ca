using System.Net;
using Grpc.Core;
using Pandora.Protos.Reservation.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>From its end on a reservation does not exist, to the microsecond, though nothing sweeps; and it ends once.</summary>
public sealed class ReservationExpiryTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 10, 12, 0, 0, TimeSpan.Zero);

    private TestNode Node => pandora.Node;

    public async ValueTask InitializeAsync()
    {
        pandora.Clock.Now = Noon;
        await pandora.AdvanceAsync(TimeSpan.Zero);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData("REST")]
    [InlineData("this node")]
    [InlineData("other node")]
    [InlineData("restarted node")]
    [InlineData("quota change")]
    public async Task The_units_are_back_for_the_first_who_looks_at_the_instant_of_the_end_and_not_before(string who)
    {
        await using var other = await pandora.StartAnotherNodeAsync();
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 5);
        var held = await other.HoldAsync(subscription, quantity: 4, timeToLive: TimeSpan.FromMinutes(1) + TimeSpan.FromMicroseconds(3));
        var end = Noon.AddMinutes(1).AddMicroseconds(3);
        Assert.Equal(end, held.ExpiresAt.ToDateTimeOffset());

        pandora.Clock.Now = end.AddMicroseconds(-1);
        Assert.Equal(("QUOTA_EXCEEDED", 1), await TakeAsync(Node, subscription, 2));
        Assert.Equal(1, await Node.LeftAsync(subscription));
        pandora.Clock.Now = end;
        switch (who)
        {
            case "REST":
                Assert.Equal(5, await Node.LeftAsync(subscription));
                break;
            case "this node":
                Assert.Equal(("", 0), await TakeAsync(Node, subscription, 5));
                break;
            case "other node":
                Assert.Equal(("", 0), await TakeAsync(other, subscription, 5));
                break;
            case "restarted node":
                await using (var restarted = await pandora.StartAnotherNodeAsync())
                {
                    Assert.Equal(("", 0), await TakeAsync(restarted, subscription, 5));
                }
                break;
            default:
                var changed = await Node.Rest.PatchAsync(
                    $"/environments/{subscription.Environment}/services/{subscription.Service}", new { max_requests = 7 });
                Assert.Equal(7, (int)changed.Expect(HttpStatusCode.OK)["available_requests"]!);
                break;
        }

        Assert.Equal(StatusCode.NotFound, await Node.CommitAsync(held.ReservationId));
        Assert.Equal(StatusCode.NotFound, await other.RollbackAsync(held.ReservationId));
        Assert.Equal(0, (await Node.LoggedAsync(held.BaseResponse.RequestId))!.Outcome);
        // Once: who looks again finds no more.
        var left = await Node.LeftAsync(subscription);
        Assert.Equal(left == 0 ? ("QUOTA_EXCEEDED", 0) : ("", left - 1), await TakeAsync(other, subscription, 1));
        await Node.ExpectProvenBooksAsync();
    }

    [Theory]
    [InlineData("commit")]
    [InlineData("rollback")]
    public async Task Until_the_last_microsecond_it_can_be_settled(string how)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 5);
        var (first, second) = (
            await Node.HoldAsync(subscription, timeToLive: TimeSpan.FromMicroseconds(2)),
            await Node.HoldAsync(subscription, timeToLive: TimeSpan.FromMicroseconds(1)));
        Task<StatusCode> SettleAsync(ReserveResponse held) =>
            how == "commit" ? Node.CommitAsync(held.ReservationId) : Node.RollbackAsync(held.ReservationId);

        pandora.Clock.Advance(TimeSpan.FromMicroseconds(1));

        Assert.Equal(StatusCode.OK, await SettleAsync(first));
        Assert.Equal(StatusCode.NotFound, await SettleAsync(second));
        Assert.Equal(how == "commit" ? 4 : 5, await Node.LeftAsync(subscription));
    }

    [Fact]
    public async Task Many_with_different_ends_come_back_one_after_the_other()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 20);
        for (var minute = 1; minute <= 10; minute++)
        {
            await Node.HoldAsync(subscription, quantity: 2, timeToLive: TimeSpan.FromMinutes(minute));
        }

        for (var minute = 0; minute <= 10; minute++)
        {
            pandora.Clock.Now = Noon.AddMinutes(minute);
            Assert.Equal(2 * minute, await Node.LeftAsync(subscription));
            if (minute % 3 == 0)
            {
                Assert.Equal(("QUOTA_EXCEEDED", 2 * minute), await TakeAsync(Node, subscription, 21));
            }
        }
        await Node.ExpectProvenBooksAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_end_after_a_reset_never_exceeds_the_maximum(bool resetFirst)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 5);
        var midnight = Noon.AddHours(12);
        pandora.Clock.Now = midnight.AddHours(-6);
        await Node.HoldAsync(subscription, quantity: 3, timeToLive: TimeSpan.FromHours(resetFirst ? 7 : 5));
        await Node.HoldAsync(subscription, quantity: 2, timeToLive: TimeSpan.FromHours(12));

        pandora.Clock.Now = resetFirst ? midnight : midnight.AddHours(-1);
        await pandora.AdvanceAsync(TimeSpan.Zero);
        Assert.Equal(resetFirst ? ("", 1) : ("QUOTA_EXCEEDED", 3), await TakeAsync(Node, subscription, 4));
        pandora.Clock.Now = midnight.AddHours(1);
        await pandora.AdvanceAsync(TimeSpan.Zero);
        Assert.Equal(resetFirst ? 4 : 5, await Node.LeftAsync(subscription));
        pandora.Clock.Now = midnight.AddHours(6);
        await pandora.AdvanceAsync(TimeSpan.Zero);
        Assert.Equal(5, await Node.LeftAsync(subscription));
        Assert.Equal(("", 0), await TakeAsync(Node, subscription, 5));
        await Node.ExpectProvenBooksAsync();
    }

    [Theory]
    [InlineData("commit", "rollback")]
    [InlineData("commit", "expiry")]
    [InlineData("partly", "expiry")]
    [InlineData("rollback", "expiry")]
    [InlineData("rollback", "rollback")]
    [InlineData("partly", "rollback")]
    public async Task Of_two_ends_at_once_exactly_one_takes_effect(string one, string another)
    {
        const int Count = 40;
        await using var other = await pandora.StartAnotherNodeAsync();
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 4 * Count);
        var held = await Task.WhenAll(Enumerable.Range(0, Count).Select(_ => Node.HoldAsync(subscription, quantity: 4, TimeSpan.FromMinutes(1))));
        Task<StatusCode> EndAsync(TestNode node, ReserveResponse reservation, string how) => how switch
        {
            "commit" => node.CommitAsync(reservation.ReservationId),
            "partly" => node.CommitAsync(reservation.ReservationId, used: 3),
            "rollback" => node.RollbackAsync(reservation.ReservationId),
            _ => MoveOnAsync(),
        };
        async Task<StatusCode> MoveOnAsync()
        {
            pandora.Clock.Now = Noon.AddMinutes(1);
            await TakeAsync(other, subscription, 9_999);
            return StatusCode.NotFound;
        }

        var ended = held.Select(reservation => EndAsync(Node, reservation, one)).ToArray();
        var alsoEnded = another == "expiry"
            ? [.. held.Take(1).Select(reservation => EndAsync(other, reservation, another))]
            : held.Select(reservation => EndAsync(other, reservation, another)).ToArray();
        var (firsts, seconds) = (await Task.WhenAll(ended), await Task.WhenAll(alsoEnded));

        var winsOfFirst = firsts.Count(code => code == StatusCode.OK);
        var winsOfSecond = another == "expiry" ? Count - winsOfFirst : seconds.Count(code => code == StatusCode.OK);
        Assert.Equal(Count, winsOfFirst + winsOfSecond);
        Assert.All(firsts, code => Assert.True(code is StatusCode.OK or StatusCode.NotFound, $"{code}"));
        pandora.Clock.Now = Noon.AddMinutes(1);
        var taken = (winsOfFirst * Kept(one)) + (winsOfSecond * Kept(another));
        Assert.Equal((4 * Count) - taken, await Node.LeftAsync(subscription));
        Assert.Equal(("QUOTA_EXCEEDED", (4 * Count) - taken), await TakeAsync(other, subscription, 9_999));
        await Node.ExpectProvenBooksAsync();
    }

    private static int Kept(string how) => how switch
    {
        "commit" => 4,
        "partly" => 3,
        _ => 0,
    };

    private static async Task<(string Failure, long Left)> TakeAsync(TestNode node, Subscription subscription, long quantity)
    {
        var request = subscription.Request();
        request.Quantity = quantity;
        var answer = await node.ConsumeAsync(request);
        return (answer.BaseResponse.FailureCode, answer.AvailableRequest);
    }
}
