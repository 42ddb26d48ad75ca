using System.Net;
using Pandora.Protos.Reservation.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>Thousands of reservations that end at the same time: nobody waits for all of them, and nothing is lost.</summary>
public sealed class ManyExpiriesTests(TestServer server) : IAsyncLifetime
{
    private const int Many = 30_000;

    private readonly TestClock _clock = new();
    private TestNode _node = null!;

    public async ValueTask InitializeAsync() => _node = await TestNode.StartAsync(await server.CreateDatabaseAsync(), _clock);

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task The_first_check_afterwards_is_answered_at_once_and_all_units_come_back()
    {
        var subscription = await HeldAsync(quota: Many);
        _clock.Advance(TimeSpan.FromMinutes(20));

        // As soon as any part is settled, whether by the check itself or by the sweep.
        Assert.True((await _node.ConsumeAsync(subscription.Request())).BaseResponse.Valid);

        await SettledAsync();
        Assert.Equal(Many - 1, await LeftAsync(subscription));
        await _node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task Exactly_what_came_back_can_be_taken_while_it_comes_back()
    {
        var subscription = await HeldAsync(quota: Many);
        _clock.Advance(TimeSpan.FromMinutes(20));
        var request = subscription.Request();
        request.Quantity = 100;
        var taken = 0;

        await Task.WhenAll(Enumerable.Range(0, 16).Select(async _ =>
        {
            while ((await _node.ConsumeAsync(request)).BaseResponse.Valid)
            {
                Interlocked.Add(ref taken, 100);
            }
        }));

        Assert.Equal(Many, taken);
        await SettledAsync();
        Assert.Equal(0, await LeftAsync(subscription));
        await _node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task On_an_unlimited_quota_they_keep_nobody_waiting()
    {
        var subscription = await HeldAsync(quota: -1);
        _clock.Advance(TimeSpan.FromMinutes(20));

        Assert.Equal(-1, (await _node.ConsumeAsync(subscription.Request())).AvailableRequest);

        await SettledAsync();
        await _node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task Resets_and_new_quotas_work_meanwhile_and_what_ended_before_a_reset_gives_back_nothing_more()
    {
        var subscription = await HeldAsync(quota: Many + 5);
        _clock.Advance(TimeSpan.FromMinutes(20));
        var path = $"/environments/{subscription.Environment}/services/{subscription.Service}";

        (await _node.Rest.PostAsync($"{path}/reset-requests")).Expect(HttpStatusCode.OK);
        var request = subscription.Request();
        request.Quantity = 10;
        Assert.Equal(Many - 5, (await _node.ConsumeAsync(request)).AvailableRequest);
        await SettledAsync();

        Assert.Equal(Many - 5, await LeftAsync(subscription));
        Assert.Equal(
            90, (long)(await _node.Rest.PatchAsync(path, new { max_requests = 100 })).Expect(HttpStatusCode.OK)["available_requests"]!);
        await _node.ExpectProvenBooksAsync();
    }

    private async Task<Subscription> HeldAsync(long quota)
    {
        var subscription = await new Scenario(_node).SubscriptionAsync(quota);
        var held = subscription.Reservation(timeToLive: TimeSpan.FromMinutes(10));
        await _node.CallAsync(ReservationCalls.ReservePath, held, ReserveResponse.Parser);
        // The others as the first one, but made at once.
        await _node.ExecuteAsync(
            """
            WITH first AS (SELECT r.*, request.logged_key_id, request.logged_service_id, request.counter_id AS logged_counter_id
                             FROM reservation r JOIN request ON request.id = r.request_id
                             JOIN environment_service es ON es.id = r.counter_id WHERE es.environment_id = $1),
            made AS MATERIALIZED (SELECT gen_random_uuid() AS id, overlay(gen_random_uuid()::text placing left(first.request_id::text, 18) from 1)::uuid AS request_id
                                    FROM first, generate_series(2, $2)),
            logged AS (INSERT INTO request (id, request_time, units, counter_id, logged_key_id, logged_service_id, outcome, status_code, method, path, ip_address)
                       SELECT made.request_id, now(), first.units, first.logged_counter_id, first.logged_key_id, first.logged_service_id, 0, 0, 0, '/', '192.0.2.7'
                         FROM made, first),
            held AS (INSERT INTO reservation (id, counter_id, request_id, quantity, units, expires_at)
                     SELECT made.id, first.counter_id, made.request_id, 1, first.units, first.expires_at FROM made, first)
            UPDATE environment_service SET consumed_units = consumed_units + first.units * ($2 - 1) FROM first WHERE environment_service.id = first.counter_id
            """,
            subscription.Environment,
            Many);
        return subscription;
    }

    private Task SettledAsync() =>
        Eventually.HoldsAsync(
            "the sweep has settled everything",
            async () => await _node.ScalarAsync<long>("SELECT count(*) FROM reservation") == 0
                && !await _node.ScalarAsync<bool>("SELECT bool_or(is_settling OR first_expiry IS NOT NULL) FROM environment_service"),
            TimeSpan.FromMinutes(5));

    private async Task<long> LeftAsync(Subscription subscription)
    {
        await _node.Rest.SignInAsync(TestAccount.Username, TestAccount.Password);
        return await _node.LeftAsync(subscription);
    }
}
