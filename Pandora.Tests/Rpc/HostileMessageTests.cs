using Google.Protobuf;
using Grpc.Core;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rpc;

/// <summary>Messages that are made to cost more than they should.</summary>
[Collection(MeasuredAlone.Name)]
public sealed class HostileMessageTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const int MaxMessageBytes = 4_194_304;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Calls.ValidatePath, false)]
    [InlineData(Calls.ConsumePath, true)]
    [InlineData("/request.v1.RequestService/UpdateExecutionStatus", true)]
    [InlineData("/reservation.v1.ReservationService/Commit", false)]
    [InlineData("/grpc.health.v1.Health/Check", true)]
    public async Task Fields_that_nobody_knows_cost_no_more_than_their_bytes(string path, bool packed)
    {
        var message = UnknownFields();
        var body = packed ? GrpcClient.Frame(GrpcClient.Gzip(message), flag: 1) : GrpcClient.Frame(message);
        await SendAsync(); // what is loaded once is loaded
        var before = GC.GetTotalAllocatedBytes(precise: true);

        var code = await SendAsync();

        var allocated = GC.GetTotalAllocatedBytes(precise: true) - before; // of this process, which is the node too
        Assert.NotEqual(StatusCode.Internal, code);
        Assert.True(allocated < 8L * message.Length, $"{allocated} bytes for {message.Length}");

        async Task<StatusCode> SendAsync() => (await pandora.Node.Grpc.SendAsync(path, body, Ct, request =>
        {
            if (packed)
            {
                request.Headers.Add("grpc-encoding", "gzip");
            }
        })).Code;
    }

    [Fact]
    public async Task Callers_who_hang_up_in_the_middle_of_calls_are_no_fault_of_the_database_in_the_log()
    {
        await using var node = await TestNode.StartAsync(await pandora.Server.CreateDatabaseAsync());
        var check = (await new Scenario(node).SubscriptionAsync(quota: 1_000_000)).Request();
        check.Request.Metadata = new RequestMetadata { Body = new string('x', 100_000) };
        var frame = GrpcClient.Frame(check);
        for (var i = 0; i < 20; i++)
        {
            using var caller = new GrpcClient(node.GrpcAddress);
            using var hangUp = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            var calls = Enumerable.Range(0, 50)
                .Select(n => caller.SendAsync(Calls.ConsumePath, n % 2 == 0 ? frame : frame[..(1000 * n)], hangUp.Token))
                .ToList();
            await Task.WhenAny(calls);
            await hangUp.CancelAsync();
            await Task.WhenAll(calls.Select(call => call.ContinueWith(_ => { }, TaskScheduler.Default)));
        }
        await node.ConsumeAsync(check);

        Assert.Empty(node.Errors);
        Assert.DoesNotContain("database", node.Warnings, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>As many different ones as a message can hold.</summary>
    private static byte[] UnknownFields()
    {
        using var message = new MemoryStream();
        using (var output = new CodedOutputStream(message, leaveOpen: true))
        {
            for (var field = 200; message.Position + 4_096 < MaxMessageBytes && field < 900_000; field++)
            {
                output.WriteTag(field, WireFormat.WireType.Varint);
                output.WriteUInt32(1);
            }
        }
        return message.ToArray();
    }
}
