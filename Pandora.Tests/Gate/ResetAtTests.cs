using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>When the quota that binds a call is filled up next.</summary>
public sealed class ResetAtTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 10, 12, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Tomorrow = new(2026, 3, 11, 0, 0, 0, TimeSpan.Zero);

    private TestNode Node => pandora.Node;

    public async ValueTask InitializeAsync()
    {
        pandora.Clock.Now = Noon;
        await pandora.AdvanceAsync(TimeSpan.Zero);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData(5)]
    [InlineData(0)]
    [InlineData(-1)]
    public async Task Every_method_tells_the_next_reset_also_out_of_quota_and_unlimited(long quota)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota);

        var looked = await Node.ValidateAsync(subscription.Request());
        var consumed = (await Node.ConsumeAsync(subscription.Request())).BaseResponse;
        var reserved = (await Node.ReserveAsync(subscription.Reservation())).BaseResponse;

        Assert.Equal(quota == 0 ? "QUOTA_EXCEEDED" : "", consumed.FailureCode);
        Assert.All(new[] { looked, consumed, reserved }, answer => Assert.Equal(Tomorrow, answer.ResetAt.ToDateTimeOffset()));
    }

    [Fact]
    public async Task A_refusal_for_another_reason_tells_it_too()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        (await Node.Rest.PostAsync($"/api-keys/{subscription.Key}/disable")).Expect(HttpStatusCode.NoContent);

        Assert.Equal(Tomorrow, (await Node.ValidateAsync(subscription.Request())).ResetAt?.ToDateTimeOffset());
    }

    [Fact]
    public async Task An_unknown_key_or_service_and_one_that_is_not_on_the_environment_have_none()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var (unknownKey, unknownService, notAssigned) = (subscription.Request(), subscription.Request(), subscription.Request());
        unknownKey.ApiKey = "unknown to all";
        unknownService.ServiceName = "unknown to all";
        notAssigned.ServiceName = (await pandora.Scenario.ServiceAsync()).Name;

        foreach (var request in new[] { unknownKey, unknownService, notAssigned })
        {
            var answer = await Node.ValidateAsync(request);
            Assert.False(answer.Valid);
            Assert.Null(answer.ResetAt);
        }
    }

    [Fact]
    public async Task It_follows_the_schedule_from_instant_to_instant()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 1);
        var schedule = $"/projects/{subscription.Project}/services/{subscription.Service}";
        async Task<(long, DateTimeOffset)> ConsumeAsync()
        {
            var answer = await Node.ConsumeAsync(subscription.Request());
            return (answer.AvailableRequest, answer.BaseResponse.ResetAt.ToDateTimeOffset());
        }
        var next = pandora.Clock.Now.AddMinutes(10).AddMicroseconds(5);

        (await Node.Rest.PatchAsync(schedule, new { reset_frequency = "weekly", next_reset = next.ToString("O").Replace("+00:00", "Z", StringComparison.Ordinal) }))
            .Expect(HttpStatusCode.OK);
        var before = await ConsumeAsync();
        pandora.Clock.Now = next.AddMicroseconds(-1);
        var last = (await Node.ConsumeAsync(subscription.Request())).BaseResponse;
        pandora.Clock.Now = next;
        var first = await ConsumeAsync();

        Assert.Equal((0, next), before);
        Assert.Equal(("QUOTA_EXCEEDED", next), (last.FailureCode, last.ResetAt.ToDateTimeOffset()));
        Assert.Equal((0, next.AddDays(7)), first);
        pandora.Clock.Now = next.AddDays(22);
        Assert.Equal((0, next.AddDays(28)), await ConsumeAsync());
    }
}
