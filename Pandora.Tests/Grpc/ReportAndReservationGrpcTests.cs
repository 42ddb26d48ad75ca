using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pandora.Core.Gate;
using Pandora.Core.Grpc;
using Pandora.Protos.Request.V1;
using Pandora.Protos.Reservation.V1;

namespace Pandora.Tests.Grpc;

/// <summary>The input rules of outcome reports and reservations. What they change is tested with a database.</summary>
public sealed class ReportAndReservationGrpcTests : IAsyncLifetime
{
    private const string Id = "0198c0de-0000-7000-8000-0123456789ab";
    private const string Update = "/request.v1.RequestService/UpdateExecutionStatus";
    private const string Commit = "/reservation.v1.ReservationService/Commit";
    private const string Rollback = "/reservation.v1.ReservationService/Rollback";

    private GrpcHost _host = null!;

    public async ValueTask InitializeAsync() => _host = await GrpcHost.StartProductAsync();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    public static TheoryData<string, string, long, string, string[]> BrokenReports => new()
    {
        { "", "", 0, "", ["id", "detail", "status_code", "execution_status"] },
        { Id, "", 200, "forwarded", ["detail", "execution_status"] },
        { Id, "why", 401, "unauthorized", ["execution_status"] },
        { Id, "why", 200, "Success", ["execution_status"] },
        { Id, "", 500, "success", ["status_code"] },
        { Id, "", 199, "success", ["status_code"] },
        { Id, "", 300, "success", ["status_code"] },
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

        Assert.Equal(GrpcCode.InvalidArgument, reply.Code);
        Assert.Equal(fields, reply.BrokenFields);
    }

    [Theory]
    [InlineData(Commit)]
    [InlineData(Rollback)]
    public async Task A_reservation_without_params_is_refused_and_the_node_lives(string path)
    {
        var reply = await CallAsync(path, new Empty());

        Assert.Equal(GrpcCode.InvalidArgument, reply.Code);
        Assert.Equal(["params"], reply.BrokenFields);
        Assert.Empty(_host.Errors);
    }

    [Theory]
    [InlineData(Commit, "")]
    [InlineData(Rollback, "")]
    [InlineData(Commit, "7")]
    [InlineData(Rollback, Id + "0")]
    public async Task A_reservation_whose_id_is_no_UUID_is_refused(string path, string id)
    {
        var reply = await CallAsync(path, Settle(id));

        Assert.Equal(GrpcCode.InvalidArgument, reply.Code);
        Assert.Equal(["params.id"], reply.BrokenFields);
    }

    [Theory]
    [InlineData(Commit)]
    [InlineData(Rollback)]
    public async Task No_reservation_is_ever_found(string path)
    {
        var reply = await CallAsync(path, Settle(Id));

        Assert.Equal(GrpcCode.NotFound, reply.Code);
        Assert.Null(reply.Details);
    }

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

    private static CommitRequest Settle(string id) => new() { Params = new BaseReservationParams { Id = id } };

    private Task<GrpcReply<Empty>> CallAsync(string path, IMessage request) =>
        _host.Client.CallAsync(path, request, Empty.Parser, TestContext.Current.CancellationToken);
}
