using System.Text.Json.Nodes;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Pandora.Protos.Request.V1;
using Pandora.Protos.Reservation.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Gate;

/// <summary>How the calls that passed ended, as their services report it.</summary>
public sealed class ReportTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const string Update = "/request.v1.RequestService/UpdateExecutionStatus";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, Checklist(5)]
    [InlineData("success", 204, "")]
    [InlineData("success", 100, "")]
    [InlineData("success", 304, "not modified")]
    [InlineData("success", 399, "")]
    [InlineData("client_error", 404, "no such order")]
    [InlineData("server_error", 599, "upstream away")]
    public async Task An_outcome_is_stored_with_its_code_and_detail(string status, int code, string detail)
    {
        var id = await ForwardedAsync();

        Assert.Equal(StatusCode.OK, await ReportAsync(id, status, code, detail));

        var row = await RowAsync(id);
        Assert.Equal((status, code, detail), ((string)row["execution_status"]!, (int)row["status_code"]!, (string)row["detail"]!));
    }

    [Theory, Checklist(21)]
    [InlineData("success", 500, "")]
    [InlineData("success", 3_000_000_000, "")]
    [InlineData("success", -200, "")]
    [InlineData("client_error", 500, "detail")]
    [InlineData("server_error", 500, " ")]
    [InlineData("forwarded", 200, "")]
    public async Task An_outcome_that_contradicts_its_code_is_an_invalid_argument(string status, long code, string detail)
    {
        var id = await ForwardedAsync();

        Assert.Equal(StatusCode.InvalidArgument, await ReportAsync(id, status, code, detail));
        Assert.Equal("forwarded", (string)(await RowAsync(id))["execution_status"]!);
    }

    [Fact, Checklist(22)]
    public async Task A_refused_call_takes_no_outcome()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 0);
        var id = (await pandora.Node.ConsumeAsync(subscription.Request())).BaseResponse.RequestId;

        Assert.Equal(StatusCode.FailedPrecondition, await ReportAsync(id, "success", 200));
        var row = await RowAsync(id);
        Assert.Equal(("unauthorized", "QUOTA_EXCEEDED"), ((string)row["execution_status"]!, (string)row["unauthorized_reason"]!));
    }

    [Fact, Checklist(23)]
    public async Task The_first_report_stays()
    {
        var id = await ForwardedAsync();

        Assert.Equal(StatusCode.OK, await ReportAsync(id, "success", 200, "first"));
        Assert.Equal(StatusCode.OK, await ReportAsync(id, "success", 201, "second"));
        Assert.Equal(StatusCode.FailedPrecondition, await ReportAsync(id, "server_error", 500, "third"));

        var row = await RowAsync(id);
        Assert.Equal((200, "first"), ((int)row["status_code"]!, (string)row["detail"]!));
    }

    [Fact, Checklist(24)]
    public async Task Every_usual_spelling_of_a_uuid_is_understood()
    {
        var id = Guid.Parse(await ForwardedAsync());
        var version1 = new Guid("5e0ff7c0-9c1d-11ee-8c90-0242ac120002");

        foreach (var spelling in new[] { id.ToString("D").ToUpperInvariant(), id.ToString("N"), id.ToString("B"), $"{{{id:N}}}" })
        {
            Assert.Equal(StatusCode.OK, await ReportAsync(spelling, "success", 200));
        }
        Assert.Equal(StatusCode.NotFound, await ReportAsync(version1.ToString(), "success", 200));
        Assert.Equal(StatusCode.InvalidArgument, await ReportAsync("not-a-uuid", "success", 200));
    }

    [Fact]
    public async Task Of_two_different_outcomes_at_once_exactly_one_is_stored()
    {
        for (var round = 0; round < 10; round++)
        {
            var id = await ForwardedAsync();

            var codes = await Task.WhenAll(ReportAsync(id, "success", 200), ReportAsync(id, "server_error", 500, "x"));

            Assert.Equal([StatusCode.OK, StatusCode.FailedPrecondition], codes.Order());
            Assert.Equal(codes[0] == StatusCode.OK ? "success" : "server_error", (string)(await RowAsync(id))["execution_status"]!);
        }
    }

    [Fact]
    public async Task Of_many_at_once_each_gets_the_answer_to_its_own_report()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 120);
        var ids = await Task.WhenAll(Enumerable.Range(0, 120).Select(async _ =>
            (await pandora.Node.ConsumeAsync(subscription.Request())).BaseResponse.RequestId));

        // In turn: two reports that agree, two that do not, one alone, one about nothing.
        var reports = ids.Select((id, i) => (i % 4) switch
        {
            0 => Task.WhenAll(ReportAsync(id, "success", 201), ReportAsync(id, "success", 201)),
            1 => Task.WhenAll(ReportAsync(id, "success", 200), ReportAsync(id, "client_error", 404, "x")),
            2 => Task.WhenAll(ReportAsync(id, "server_error", 503, "y")),
            _ => Task.WhenAll(ReportAsync(Guid.CreateVersion7().ToString(), "success", 200)),
        }).ToArray();
        var codes = await Task.WhenAll(reports);

        for (var i = 0; i < ids.Length; i++)
        {
            var row = await RowAsync(ids[i]);
            var (expected, status) = (i % 4) switch
            {
                0 => (new[] { StatusCode.OK, StatusCode.OK }, "success"),
                1 => ([StatusCode.OK, StatusCode.FailedPrecondition], codes[i][0] == StatusCode.OK ? "success" : "client_error"),
                2 => ([StatusCode.OK], "server_error"),
                _ => ([StatusCode.NotFound], "forwarded"),
            };
            Assert.Equal(expected, codes[i].Order());
            Assert.Equal(status, (string)row["execution_status"]!);
        }
    }

    [Fact, Checklist(25)]
    public async Task A_settlement_without_params_is_an_invalid_argument_and_the_process_lives()
    {
        foreach (var method in new[] { "Commit", "Rollback" })
        {
            var reply = await SettleAsync(method, null);
            Assert.Equal(StatusCode.InvalidArgument, reply.Code);
            Assert.Equal(["params"], reply.BrokenFields);
            Assert.Equal(["params.id"], (await SettleAsync(method, "x")).BrokenFields);
        }
        await ForwardedAsync();
    }

    [Fact]
    public async Task A_settlement_of_an_id_that_is_no_reservation_is_not_found_and_changes_no_quota()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 2);
        var consumed = await pandora.Node.ConsumeAsync(subscription.Request());

        foreach (var id in new[] { consumed.BaseResponse.RequestId, Guid.CreateVersion7().ToString("N") })
        {
            Assert.Equal(StatusCode.NotFound, (await SettleAsync("Rollback", id)).Code);
            Assert.Equal(StatusCode.NotFound, (await SettleAsync("Commit", id)).Code);
        }
        Assert.Equal(0, (await pandora.Node.ConsumeAsync(subscription.Request())).AvailableRequest);
    }

    private async Task<string> ForwardedAsync()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        return (await pandora.Node.ConsumeAsync(subscription.Request())).BaseResponse.RequestId;
    }

    private async Task<StatusCode> ReportAsync(string id, string status, long code, string detail = "")
    {
        var request = new UpdateExecutionStatusRequest { Id = id, ExecutionStatus = status, StatusCode = code, Detail = detail };
        return (await pandora.Node.Grpc.CallAsync(Update, request, Empty.Parser, Token)).Code;
    }

    private async Task<GrpcReply> SettleAsync(string method, string? id) =>
        await pandora.Node.Grpc.CallAsync(
            $"/reservation.v1.ReservationService/{method}",
            new RollbackRequest { Params = id is null ? null : new BaseReservationParams { Id = id } },
            Empty.Parser,
            Token);

    private async Task<JsonNode> RowAsync(string id) => (await pandora.Node.Rest.GetAsync($"/requests/{id}")).Json;
}
