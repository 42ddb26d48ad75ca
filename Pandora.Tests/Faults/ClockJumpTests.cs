using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Pandora.Protos.Reservation.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Faults;

/// <summary>The clocks of nodes jump, or disagree: each day is granted once, whoever sees it first.</summary>
[Collection(FaultSuite.Name)]
public sealed class ClockJumpTests(TestServer server)
{
    private const int Quota = 200;
    private const int Callers = 8;
    private const string Reservations = "/reservation.v1.ReservationService/";

    [Fact]
    public async Task A_clock_that_jumps_to_and_fro_grants_each_day_once()
    {
        var clock = new TestClock(); // noon
        await using var node = await TestNode.StartAsync(await server.CreateDatabaseAsync(), clock);
        var subscription = await new Scenario(node).SubscriptionAsync(Quota);

        for (var day = 1; day <= 10; day++)
        {
            Assert.Equal(Quota, await UseUpAsync(subscription, node));
            clock.Advance(-TimeSpan.FromHours(1));
            Assert.Equal(0, await UseUpAsync(subscription, node));
            clock.Advance(-TimeSpan.FromHours(12)); // the day before
            Assert.Equal(0, await UseUpAsync(subscription, node));
            clock.Advance(TimeSpan.FromHours(13));
            Assert.Equal(0, await UseUpAsync(subscription, node));
            await ExpectBooksAsync(node, clock, consumed: day * Quota, left: 0);
            clock.Advance(TimeSpan.FromDays(1));
        }
    }

    [Fact]
    public async Task Two_nodes_a_day_apart_grant_each_day_once()
    {
        var (early, late) = (new TestClock(), new TestClock());
        await using var behind = await TestNode.StartAsync(await server.CreateDatabaseAsync(), early);
        await using var ahead = await TestNode.StartAsync(behind.ConnectionString, late);
        var subscription = await new Scenario(behind).SubscriptionAsync(Quota);

        for (var day = 1; day <= 5; day++)
        {
            Assert.Equal(Quota, await UseUpAsync(subscription, behind, ahead));
            late.Advance(TimeSpan.FromDays(1));
            Assert.Equal(Quota, await UseUpAsync(subscription, ahead, behind));
            early.Advance(TimeSpan.FromDays(1));
            Assert.Equal(0, await UseUpAsync(subscription, behind, ahead));
            early.Advance(TimeSpan.FromDays(1));
            late.Advance(TimeSpan.FromDays(1));
        }
        await ExpectBooksAsync(behind, late, consumed: 10 * Quota, left: 0);
    }

    [Fact]
    public async Task A_reservation_that_a_jump_has_ended_is_given_back_once()
    {
        var clock = new TestClock();
        await using var node = await TestNode.StartAsync(await server.CreateDatabaseAsync(), clock);
        var subscription = await new Scenario(node).SubscriptionAsync(Quota);
        var kept = await ReserveAsync(node, subscription, 30);
        var lost = await ReserveAsync(node, subscription, 50);

        clock.Advance(TimeSpan.FromHours(1)); // both have ended, and nobody has noticed
        clock.Advance(-TimeSpan.FromHours(1));
        Assert.Equal(StatusCode.OK, await CommitAsync(node, kept));
        clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(Quota - 31, (await node.ConsumeAsync(subscription.Request())).AvailableRequest);
        clock.Advance(-TimeSpan.FromHours(1));

        Assert.Equal(StatusCode.NotFound, await CommitAsync(node, lost));
        Assert.Equal(StatusCode.NotFound, await CommitAsync(node, kept));
        Assert.Equal(Quota - 31, await UseUpAsync(subscription, node));
        await ExpectBooksAsync(node, clock, consumed: Quota, left: 0);
    }

    /// <returns>How many calls were let through until every caller was refused.</returns>
    private static async Task<int> UseUpAsync(Subscription subscription, params TestNode[] nodes)
    {
        var granted = await Task.WhenAll(Enumerable.Range(0, Callers).Select(async caller =>
        {
            var count = 0;
            while ((await nodes[caller % nodes.Length].ConsumeAsync(subscription.Request())).BaseResponse.Valid)
            {
                count++;
            }
            return count;
        }));
        return granted.Sum();
    }

    private static async Task ExpectBooksAsync(TestNode node, TestClock clock, long consumed, long left)
    {
        await LoadProof.ExpectCleanAsync(node.ConnectionString, clock.Now);
        Assert.Equal(
            $"{consumed} {left}",
            await node.ScalarAsync<string>("SELECT concat_ws(' ', consumed_units, available_requests) FROM environment_service"));
    }

    private static async Task<string> ReserveAsync(TestNode node, Subscription subscription, long quantity)
    {
        var request = new ReserveRequest { Validate = subscription.Request() };
        request.Validate.Quantity = quantity;
        return (await node.CallAsync(Reservations + "Reserve", request, ReserveResponse.Parser)).ReservationId;
    }

    private static async Task<StatusCode> CommitAsync(TestNode node, string reservation)
    {
        var request = new CommitRequest { Params = new BaseReservationParams { Id = reservation } };
        var reply = await node.Grpc.CallAsync(Reservations + "Commit", request, Empty.Parser, TestContext.Current.CancellationToken);
        return reply.Code;
    }
}
