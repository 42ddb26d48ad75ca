using System.Net;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Pandora.Protos.ApiKey.V1;
using Pandora.Protos.Request.V1;
using Pandora.Protos.Reservation.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;
using LoggedRequest = Pandora.Protos.ApiKey.V1.Request;

namespace Pandora.Tests.Fuzz;

/// <summary>Messages of gRPC: they are answered or refused, and nothing else happens.</summary>
[Trait(Fuzzer.Category, Fuzzer.Fuzz)]
public sealed class MessageFuzzTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static readonly string[] Methods =
    [
        Calls.ValidatePath, Calls.ConsumePath, "/reservation.v1.ReservationService/Reserve", "/reservation.v1.ReservationService/Commit",
        "/reservation.v1.ReservationService/Rollback", "/request.v1.RequestService/UpdateExecutionStatus",
    ];

    [Fact]
    public async Task A_message_is_answered_or_refused()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: -1);
        var check = subscription.Request();
        check.Quantity = 3;
        check.IdempotencyKey = "i";
        check.Request = new LoggedRequest
        {
            Path = "/orders",
            Method = "GET",
            IpAddress = "[fe80::1%eth0]:4711, 203.0.113.7",
            RequestTime = new Timestamp { Seconds = 1_773_144_000, Nanos = 1 },
            Metadata = new RequestMetadata { Body = "b", Cookies = "c", Headers = "Authorization: s", QueryParams = "q", BodyContentType = "t" },
        };
        var id = (await pandora.Node.ConsumeAsync(subscription.Request())).BaseResponse.RequestId;
        IMessage[] samples =
        [
            check,
            new ReserveRequest { Validate = check, TimeToLive = new Duration { Seconds = 60 } },
            new CommitRequest { Params = new BaseReservationParams { Id = id } },
            new UpdateExecutionStatusRequest { Id = id, ExecutionStatus = "server_error", StatusCode = 500, Detail = "d" },
        ];
        string[] words = ["\u0000", "\u007f", "\n", "\u0012", "\u001a", "255.255.255.255", "::ffff:1.2.3.4", "GET", subscription.Secret, id];

        await new Fuzzer([.. samples.Select(sample => sample.ToByteArray())], words).RunAsync(async (input, random) =>
        {
            var method = Methods[random.Next(Methods.Length)];
            var body = random.Next(20) == 0 ? input : GrpcClient.Frame(input, flag: (byte)(random.Next(20) == 0 ? 1 : 0));

            var reply = await pandora.Node.Grpc.SendAsync(method, body, TestContext.Current.CancellationToken);

            Assert.Equal(HttpStatusCode.OK, reply.HttpStatus);
            // INTERNAL: no message that could be read. A fault of ours is INTERNAL too, and an error in the log.
            Assert.True(
                reply.Code is StatusCode.OK or StatusCode.InvalidArgument or StatusCode.NotFound or StatusCode.FailedPrecondition
                    or StatusCode.ResourceExhausted or StatusCode.Unimplemented or StatusCode.Internal,
                $"{method}: {reply.Code} {reply.StatusText}");
            Assert.Equal("", pandora.Node.Errors);
        });
    }
}
