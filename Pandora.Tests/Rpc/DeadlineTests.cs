using System.Diagnostics;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rpc;

/// <summary>When a call ends before its answer. That it has no effect then is tested with the gate.</summary>
public sealed class DeadlineTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task At_the_deadline_a_call_that_waits_for_the_database_is_DEADLINE_EXCEEDED()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 3);
        await using var held = await RowLock.OnCounterAsync(pandora.Node, subscription);

        var started = Stopwatch.GetTimestamp();
        var reply = await CallAsync(Calls.ConsumePath, subscription.Request(), "300m");

        Assert.Equal(StatusCode.DeadlineExceeded, reply.Code);
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 290, 1500);
        Assert.Empty(pandora.Node.Errors);
    }

    [Fact]
    public async Task The_deadline_also_covers_a_message_that_does_not_come()
    {
        var started = Stopwatch.GetTimestamp();

        // Its answer and the end of its stream come together; which of them this client tells is a matter of chance.
        await Record.ExceptionAsync(() => pandora.Node.Grpc.SendAsync(
            Calls.ValidatePath, new StalledContent([0, 0, 0]), Ct, request => request.Headers.Add("grpc-timeout", "200m")));

        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 190, 3000);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(int.MaxValue)]
    public async Task A_message_that_does_not_come_is_not_waited_for_without_end(int sentBytes)
    {
        var clock = new FakeTimeProvider(pandora.Clock.GetUtcNow());
        await using var node = await TestNode.StartAsync(pandora.Node.ConnectionString, clock, pandora.Node.DataDirectory);
        var frame = GrpcClient.Frame(Request());

        var late = node.Grpc.SendAsync(Calls.ValidatePath, new StalledContent(frame[..Math.Min(sentBytes, frame.Length)]), Ct);
        // Nothing tells when the node has begun to wait.
        while (await Task.WhenAny(late, Task.Delay(TimeSpan.FromMilliseconds(50), Ct)) != late)
        {
            clock.Advance(TimeSpan.FromSeconds(10));
        }
        var next = await node.Grpc.SendAsync(Calls.ValidatePath, frame, Ct);

        Assert.Equal(StatusCode.DeadlineExceeded, (await late).Code);
        Assert.Equal(StatusCode.OK, next.Code);
        Assert.Empty(node.Errors);
    }

    [Fact]
    public async Task A_body_that_stalls_for_longer_than_the_listener_likes_costs_no_other_call_of_its_connection()
    {
        using var stalled = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var started = Stopwatch.GetTimestamp();
        var slow = pandora.Node.Grpc.SendAsync(Calls.ValidatePath, new StalledContent([0, 0, 0]), stalled.Token);

        do
        {
            Assert.Equal(StatusCode.OK, (await CallAsync(Calls.ValidatePath, Request(), "10S")).Code);
            await Task.Delay(TimeSpan.FromMilliseconds(200), Ct);
        }
        while (Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(8)); // the listener's patience is 5 s

        Assert.False(slow.IsCompleted);
        await stalled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => slow);
    }

    [Theory]
    [InlineData("0n")]
    [InlineData("99n")]
    [InlineData("0H")]
    [InlineData("00000000m")]
    public async Task A_deadline_that_has_passed_is_answered_without_work(string timeout)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 1);

        Assert.Equal(StatusCode.DeadlineExceeded, (await CallAsync(Calls.ConsumePath, subscription.Request(), timeout)).Code);

        Assert.Equal(0, (await pandora.Node.ConsumeAsync(subscription.Request())).AvailableRequest);
    }

    [Theory]
    [InlineData("99999999H")]
    [InlineData("999999999H")]
    [InlineData("876000000H")]
    [InlineData("1M")]
    [InlineData("99999999m")]
    [InlineData("soon")]
    public async Task A_call_that_is_quicker_than_its_deadline_succeeds_and_so_does_one_whose_deadline_cannot_be_read(string timeout) =>
        Assert.Equal(StatusCode.OK, (await CallAsync(Calls.ValidatePath, Request(), timeout)).Code);

    [Fact]
    public async Task The_longest_deadline_in_nanoseconds_is_a_tenth_of_a_second() =>
        await Eventually.HoldsAsync(
            "a call that is as quick as that", async () => (await CallAsync(Calls.ValidatePath, Request(), "99999999n")).Code == StatusCode.OK);

    [Fact]
    public async Task When_the_caller_cancels_its_connection_goes_on()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 3);
        await using var held = await RowLock.OnCounterAsync(pandora.Node, subscription);
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var call = pandora.Node.Grpc.CallAsync(Calls.ConsumePath, subscription.Request(), ValidateConsumeResponse.Parser, caller.Token);

        caller.CancelAfter(TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        // Answered without the database: a check might wait for the same row.
        Assert.Equal(StatusCode.InvalidArgument, (await CallAsync(Calls.ValidatePath, new ValidateRequest(), "10S")).Code);
        Assert.Empty(pandora.Node.Errors);
    }

    private Task<GrpcReply<ValidateConsumeResponse>> CallAsync(string path, ValidateRequest request, string timeout) =>
        pandora.Node.Grpc.CallAsync(
            path, request, ValidateConsumeResponse.Parser, Ct, message => message.Headers.TryAddWithoutValidation("grpc-timeout", timeout));

    private static ValidateRequest Request() => new()
    {
        ApiKey = "nobody's",
        ServiceName = "service",
        ServiceVersion = "1",
        Request = new Request { Path = "/", Method = "GET", IpAddress = "::1" },
    };
}
