using System.Collections.Concurrent;
using Grpc.Core;
using Pandora.Protos.ApiKey.V1;
using Pandora.Protos.Reservation.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Gate;

/// <summary>Checks that take more than one unit.</summary>
public sealed class QuantityTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const long Largest = 9_007_199_254_740_991;

    private TestNode Node => pandora.Node;

    [Fact]
    public async Task All_units_are_taken_or_none_and_a_refusal_tells_what_is_left()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);

        Assert.Equal(("", 9), await TakeAsync(subscription, 0));
        Assert.Equal(("", 8), await TakeAsync(subscription, 1));
        Assert.Equal(("", 3), await TakeAsync(subscription, 5));
        Assert.Equal(("QUOTA_EXCEEDED", 3), await TakeAsync(subscription, 4));
        Assert.Equal(("QUOTA_EXCEEDED", 3), await TakeAsync(subscription, Largest));
        Assert.Equal(("", 0), await TakeAsync(subscription, 3));
        Assert.Equal(("QUOTA_EXCEEDED", 0), await TakeAsync(subscription, 1));
        Assert.Equal(10, await ConsumedAsync(subscription));
        await Node.ExpectProvenBooksAsync();
    }

    [Fact]
    public async Task The_largest_quota_can_be_taken_at_once()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(Largest);

        Assert.Equal(("", 0), await TakeAsync(subscription, Largest));
        Assert.Equal(("QUOTA_EXCEEDED", 0), await TakeAsync(subscription, Largest));
        Assert.Equal(Largest, await ConsumedAsync(subscription));
    }

    [Fact]
    public async Task Hundreds_of_callers_may_ask_for_the_most_at_once()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(Largest);

        var answers = await Task.WhenAll(Enumerable.Range(0, 300).Select(_ => TakeAsync(subscription, Largest)));

        Assert.Equal([("", 0)], answers.Where(answer => answer.Failure == ""));
    }

    [Fact]
    public async Task An_unlimited_quota_gives_any_quantity()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: -1);

        Assert.Equal(("", -1), await TakeAsync(subscription, Largest));
        Assert.Equal(("", -1), await TakeAsync(subscription, Largest));
        Assert.Equal(0, await ConsumedAsync(subscription));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    [InlineData(Largest + 1)]
    [InlineData(long.MaxValue)]
    public async Task A_quantity_out_of_range_is_an_invalid_argument_except_for_Validate(long quantity)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        request.Quantity = quantity;

        var consumed = await SendAsync(Calls.ConsumePath, request, ValidateConsumeResponse.Parser);
        var reserved = await SendAsync(ReservationCalls.ReservePath, new ReserveRequest { Validate = request }, ReserveResponse.Parser);

        Assert.Equal((StatusCode.InvalidArgument, StatusCode.InvalidArgument), (consumed.Code, reserved.Code));
        Assert.Equal(["quantity"], consumed.BrokenFields);
        Assert.Equal(["validate.quantity"], reserved.BrokenFields);
        Assert.Equal(0, await Node.CallsOfAsync(subscription));
        Assert.True((await Node.ValidateAsync(request)).Valid);
        Assert.Equal(100, await Node.LeftAsync(subscription));
    }

    [Fact]
    public async Task A_refused_check_takes_nothing_whatever_its_quantity()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        (request.Quantity, request.ServiceVersion) = (50, "0.0.0");

        var answer = await Node.ConsumeAsync(request);

        Assert.Equal(("SERVICE_MISMATCH", 0), (answer.BaseResponse.FailureCode, answer.AvailableRequest));
        Assert.Equal(100, await Node.LeftAsync(subscription));
    }

    [Fact]
    public async Task Mixed_quantities_on_two_nodes_never_exceed_the_quota_nor_are_refused_while_they_fit()
    {
        const int Quota = 5_000;
        await using var other = await pandora.StartAnotherNodeAsync();
        var subscription = await pandora.Scenario.SubscriptionAsync(Quota);
        var (granted, refused) = (new ConcurrentBag<long>(), new ConcurrentBag<long>());

        await Task.WhenAll(Enumerable.Range(0, 24).Select(async caller =>
        {
            var random = new Random(caller);
            for (var call = 0; call < 40; call++)
            {
                var quantity = random.Next(1, call < 20 ? 30 : 3 + (caller * 5));
                var (failure, left) = await TakeAsync(subscription, quantity, caller % 2 == 0 ? Node : other);
                (failure == "" ? granted : refused).Add(quantity);
                Assert.True(failure == "" || quantity > left, $"{quantity} refused with {left} left");
            }
        }));

        var rest = await Node.LeftAsync(subscription);
        Assert.Equal(Quota, granted.Sum() + rest);
        Assert.NotEmpty(refused);
        Assert.True(refused.Min() > rest, $"{refused.Min()} was refused although {rest} are left");
        Assert.Equal(granted.Sum(), await ConsumedAsync(subscription));
        await Node.ExpectProvenBooksAsync();
    }

    private async Task<(string Failure, long Left)> TakeAsync(Subscription subscription, long quantity, TestNode? node = null)
    {
        var request = subscription.Request();
        request.Quantity = quantity;
        var answer = await (node ?? Node).ConsumeAsync(request);
        return (answer.BaseResponse.FailureCode, answer.AvailableRequest);
    }

    private Task<long> ConsumedAsync(Subscription subscription) =>
        Node.ScalarAsync<long>("SELECT consumed_units FROM environment_service WHERE environment_id = $1", subscription.Environment);

    private Task<GrpcReply<T>> SendAsync<T>(string path, Google.Protobuf.IMessage request, Google.Protobuf.MessageParser<T> parser)
        where T : class, Google.Protobuf.IMessage<T> =>
        Node.Grpc.CallAsync(path, request, parser, TestContext.Current.CancellationToken);
}
