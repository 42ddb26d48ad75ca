using Grpc.Core;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Gate;

/// <summary>Calls with a name whose caller gave up before the answer: they stand only if a repetition was told of them.</summary>
public sealed class UnansweredCallTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private TestNode Node => pandora.Node;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_call_that_ended_without_an_answer_is_made_again_by_its_repetition(bool onTheSameNode)
    {
        await using var other = await pandora.StartAnotherNodeAsync();
        var repeating = onTheSameNode ? Node : other;
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);
        var request = Named(subscription, "late");
        await Node.ConsumeAsync(subscription.Request());
        await other.ConsumeAsync(subscription.Request());
        await using var hold = await RowLock.OnCounterAsync(Node, subscription);

        var ended = await TryAsync(Node, request, "300m");
        var repetition = repeating.ConsumeAsync(request);
        await hold.ReleaseAsync();
        var answer = await repetition;

        Assert.Equal(StatusCode.DeadlineExceeded, ended.Code);
        Assert.True(answer.BaseResponse.Valid);
        // Behind this call the node has taken back what nobody was told of.
        await Node.ConsumeAsync(Named(subscription, "behind"));
        Assert.Equal(answer, await repeating.ConsumeAsync(request));
        Assert.Equal(0, (await Node.LoggedAsync(answer.BaseResponse.RequestId))!.Outcome);
        await Eventually.HoldsAsync("4 calls are logged", async () => await Node.CallsOfAsync(subscription) == 4);
        Assert.Equal(6, await Node.LeftAsync(subscription));
        await Node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task A_call_that_ended_without_an_answer_leaves_nothing_behind()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);
        await Node.ConsumeAsync(subscription.Request());
        await using (await RowLock.OnCounterAsync(Node, subscription))
        {
            Assert.Equal(StatusCode.DeadlineExceeded, (await TryAsync(Node, Named(subscription, "gone"), "300m")).Code);
        }

        await Eventually.HoldsAsync("nothing is left of it", async () =>
            await Node.ScalarAsync<long>("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'") == 0
            && await Node.CallsOfAsync(subscription) == 1
            && await Node.LeftAsync(subscription) == 9);
        var again = await Node.ConsumeAsync(Named(subscription, "gone"));
        Assert.Equal(8, again.AvailableRequest);
        Assert.Equal(2, await Node.CallsOfAsync(subscription));
    }

    private static ValidateRequest Named(Subscription subscription, string name)
    {
        var request = subscription.Request();
        request.IdempotencyKey = name;
        return request;
    }

    private static Task<GrpcReply<ValidateConsumeResponse>> TryAsync(TestNode node, ValidateRequest request, string timeout) =>
        node.Grpc.CallAsync(
            Calls.ConsumePath,
            request,
            ValidateConsumeResponse.Parser,
            TestContext.Current.CancellationToken,
            message => message.Headers.Add("grpc-timeout", timeout));
}
