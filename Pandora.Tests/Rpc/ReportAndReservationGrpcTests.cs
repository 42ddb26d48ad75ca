using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Pandora.Core.Gate;
using Pandora.Core.Rpc;
using Pandora.Protos.ApiKey.V1;
using Pandora.Protos.Request.V1;
using Pandora.Protos.Reservation.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rpc;

/// <summary>The input rules of outcome reports and reservations. What they change is tested with a database.</summary>
public sealed class ReportAndReservationGrpcTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const string Id = "0198c0de-0000-7000-8000-0123456789ab";
    private const string Update = "/request.v1.RequestService/UpdateExecutionStatus";
    private const string Reserve = "/reservation.v1.ReservationService/Reserve";
    private const string Commit = "/reservation.v1.ReservationService/Commit";
    private const string Rollback = "/reservation.v1.ReservationService/Rollback";

    public static TheoryData<string, string, long, string, string[]> BrokenReports => new()
    {
        { "", "", 0, "", ["id", "detail", "status_code", "execution_status"] },
        { Id, "", 200, "forwarded", ["detail", "execution_status"] },
        { Id, "why", 401, "unauthorized", ["execution_status"] },
        { Id, "why", 200, "Success", ["execution_status"] },
        { Id, "", 500, "success", ["status_code"] },
        { Id, "", 99, "success", ["status_code"] },
        { Id, "", 400, "success", ["status_code"] },
        { Id, "why", 3_000_000_000, "success", ["status_code"] },
        { Id, "why", (1L << 32) + 200, "success", ["status_code"] },
        { Id, "why", long.MinValue, "client_error", ["status_code"] },
        { Id, "why", 500, "client_error", ["status_code"] },
        { Id, "why", 499, "server_error", ["status_code"] },
        { Id, " \t\n", 400, "client_error", ["detail"] },
        { Id, "a\0b", 200, "success", ["detail"] },
        { "no-uuid", "", 200, "success", ["id"] },
    };

    [Theory]
    [MemberData(nameof(BrokenReports))]
    public async Task A_broken_report_names_its_fields(string id, string detail, long code, string status, string[] fields)
    {
        var report = new UpdateExecutionStatusRequest { Id = id, Detail = detail, StatusCode = code, ExecutionStatus = status };

        var reply = await CallAsync(Update, report);

        Assert.Equal(StatusCode.InvalidArgument, reply.Code);
        Assert.Equal(fields, reply.BrokenFields);
    }

    [Theory]
    [InlineData(Commit)]
    [InlineData(Rollback)]
    public async Task A_reservation_without_params_is_refused_and_the_node_lives(string path)
    {
        var reply = await CallAsync(path, new Empty());

        Assert.Equal(StatusCode.InvalidArgument, reply.Code);
        Assert.Equal(["params"], reply.BrokenFields);
        Assert.Empty(pandora.Node.Errors);
    }

    [Theory]
    [InlineData(Commit, "")]
    [InlineData(Rollback, "")]
    [InlineData(Commit, "7")]
    [InlineData(Rollback, Id + "0")]
    public async Task A_reservation_whose_id_is_no_UUID_is_refused(string path, string id)
    {
        var reply = await CallAsync(path, Settle(id));

        Assert.Equal(StatusCode.InvalidArgument, reply.Code);
        Assert.Equal(["params.id"], reply.BrokenFields);
    }

    [Fact]
    public async Task A_commit_of_less_than_nothing_is_refused()
    {
        var reply = await CallAsync(Commit, new CommitRequest { ActualQuantity = -1 });

        Assert.Equal(StatusCode.InvalidArgument, reply.Code);
        Assert.Equal(["params", "actual_quantity"], reply.BrokenFields);
    }

    [Fact]
    public async Task A_reservation_without_a_check_is_refused()
    {
        var reply = await CallAsync(Reserve, new ReserveRequest { TimeToLive = new Duration() });

        Assert.Equal(StatusCode.InvalidArgument, reply.Code);
        Assert.Equal(["validate", "time_to_live"], reply.BrokenFields);
    }

    [Fact]
    public async Task A_reservation_names_the_broken_fields_of_its_check()
    {
        var check = new ValidateRequest
        {
            Request = new Request { Metadata = new RequestMetadata { BodyContentType = "\0" }, IpAddress = "?", RequestTime = new Timestamp() },
            Quantity = -1,
            IdempotencyKey = "\0",
        };

        var reply = await CallAsync(Reserve, new ReserveRequest { Validate = check });

        Assert.Equal(
            [
                "validate.api_key",
                "validate.request.path",
                "validate.request.method",
                "validate.request.ip_address",
                "validate.request.metadata.body_content_type",
                "validate.request.request_time",
                "validate.service_name",
                "validate.service_version",
                "validate.quantity",
                "validate.idempotency_key",
            ],
            reply.BrokenFields);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, -1)]
    [InlineData(-1, 0)]
    [InlineData(-1, 500_000_000)]
    [InlineData(1, -1)]
    [InlineData(1, 1_000_000_000)]
    [InlineData(43_200, 1)]
    [InlineData(43_201, 0)]
    [InlineData(long.MaxValue, 0)]
    [InlineData(long.MinValue, int.MinValue)]
    public void A_time_to_live_is_more_than_nothing_and_at_most_12_hours(long seconds, int nanos)
    {
        var refused = Assert.Throws<RpcException>(
            () => CheckInput.ReadReservation(Reservation(new Duration { Seconds = seconds, Nanos = nanos })));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
    }

    [Theory]
    [InlineData(0, 1, 10)]
    [InlineData(0, 1_000, 10)]
    [InlineData(0, 1_001, 20)]
    [InlineData(43_199, 999_999_999, 432_000_000_000)]
    [InlineData(43_200, 0, 432_000_000_000)]
    public void A_time_to_live_is_kept_to_the_microsecond_rounded_up(long seconds, int nanos, long ticks)
    {
        var result = CheckInput.ReadReservation(Reservation(new Duration { Seconds = seconds, Nanos = nanos }));

        Assert.Equal(ticks, result.TimeToLive.Ticks);
    }

    [Fact]
    public void Without_a_time_to_live_it_is_15_minutes() =>
        Assert.Equal(TimeSpan.FromMinutes(15), CheckInput.ReadReservation(Reservation(null)).TimeToLive);

    [Theory]
    [InlineData("0198c0de-0000-7000-8000-0123456789ab")]
    [InlineData("0198C0DE-0000-7000-8000-0123456789AB")]
    [InlineData("{0198c0de-0000-7000-8000-0123456789ab}")]
    [InlineData("0198c0de0000700080000123456789ab")]
    [InlineData("{0198c0de0000700080000123456789AB}")]
    public void The_usual_spellings_of_a_UUID_are_read(string text)
    {
        Assert.True(UuidText.TryRead(text, out var id));
        Assert.Equal(Guid.Parse(Id), id);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData(" 0198c0de-0000-7000-8000-0123456789ab")]
    [InlineData("0198c0de-0000-7000-8000-0123456789ab ")]
    [InlineData("{0198c0de-0000-7000-8000-0123456789ab")]
    [InlineData("(0198c0de-0000-7000-8000-0123456789ab)")]
    [InlineData("0198c0de-0000-7000-80000-123456789ab")]
    [InlineData("0198c0de-0000-7000-8000-0123456789ag")]
    [InlineData("+198c0de-0000-7000-8000-0123456789ab")]
    [InlineData("0x98c0de-0000-7000-8000-0123456789ab")]
    [InlineData("0198c0de00007000-8000-0123456789ab")]
    [InlineData("{{0198c0de0000700080000123456789ab}}")]
    public void Anything_else_is_no_UUID(string text) => Assert.False(UuidText.TryRead(text, out _));

    private static ReserveRequest Reservation(Duration? timeToLive) => new()
    {
        Validate = new ValidateRequest
        {
            ApiKey = "key",
            ServiceName = "service",
            ServiceVersion = "1",
            Request = new Request { Path = "/", Method = "GET", IpAddress = "::1" },
        },
        TimeToLive = timeToLive,
    };

    private static CommitRequest Settle(string id) => new() { Params = new BaseReservationParams { Id = id } };

    private Task<GrpcReply<Empty>> CallAsync(string path, IMessage request) =>
        pandora.Node.Grpc.CallAsync(path, request, Empty.Parser, TestContext.Current.CancellationToken);
}
