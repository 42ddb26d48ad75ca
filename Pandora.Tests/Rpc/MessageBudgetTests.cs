using Grpc.Core;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rpc;

/// <summary>Large and slow messages have a bounded part of the memory; the others do not notice.</summary>
public sealed class MessageBudgetTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    // Of messages of the largest size, as many as a peer may have under way on a machine with much memory.
    private const int MostOfPeer = 32;

    private static readonly byte[] BeginningOfLargest = [0, 0, 0x40, 0, 0];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Large_messages_that_never_come_whole_are_refused_beyond_a_share_and_small_ones_are_served()
    {
        using var stalled = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var calls = Enumerable.Range(0, MostOfPeer + 8)
            .Select(_ => pandora.Node.Grpc.SendAsync(Calls.ConsumePath, new StalledContent(BeginningOfLargest), stalled.Token))
            .ToList();

        await Eventually.HoldsAsync("some are refused", () => Task.FromResult(calls.Count(call => call.IsCompleted) >= 8));
        Assert.All(calls.Where(call => call.IsCompleted), call => Assert.Equal(StatusCode.Unavailable, call.Result.Code));
        Assert.Equal(StatusCode.OK, (await CallAsync(bodyLength: 0)).Code);
        Assert.Equal(StatusCode.Unavailable, (await CallAsync(bodyLength: 100_000)).Code);

        await stalled.CancelAsync();

        await Eventually.HoldsAsync("there is room again", async () => (await CallAsync(bodyLength: 100_000)).Code == StatusCode.OK);
    }

    [Fact]
    public async Task Compressed_messages_count_as_what_they_are_once_that_is_known()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: -1);

        var answers = await Task.WhenAll(Enumerable.Range(0, 2_000).Select(_ =>
        {
            var request = subscription.Request();
            request.Request.Metadata = new RequestMetadata { Body = new string('b', 3_000) };
            return pandora.Node.Grpc.SendAsync(
                Calls.ConsumePath,
                GrpcClient.Frame(GrpcClient.Gzip(Google.Protobuf.MessageExtensions.ToByteArray(request)), flag: 1),
                Ct,
                message => message.Headers.Add("grpc-encoding", "gzip"));
        }));

        Assert.All(answers, answer => Assert.Equal(StatusCode.OK, answer.Code));
    }

    private Task<GrpcReply<ValidateResponse>> CallAsync(int bodyLength) =>
        pandora.Node.Grpc.CallAsync(
            Calls.ValidatePath,
            new ValidateRequest
            {
                ApiKey = "nobody-has-this-key",
                ServiceName = "s",
                ServiceVersion = "1",
                Request = new Request { Path = "/", Method = "GET", IpAddress = "::1", Metadata = new RequestMetadata { Body = new string('b', bodyLength) } },
            },
            ValidateResponse.Parser,
            Ct);
}
