using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Pandora.Protos.Reservation.V1;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Harness;

/// <summary>Short forms for reservations.</summary>
internal static class ReservationCalls
{
    public const string ReservePath = "/reservation.v1.ReservationService/Reserve";

    private const string CommitPath = "/reservation.v1.ReservationService/Commit";
    private const string RollbackPath = "/reservation.v1.ReservationService/Rollback";

    public static ReserveRequest Reservation(this Subscription subscription, long quantity = 0, TimeSpan? timeToLive = null)
    {
        var check = subscription.Request();
        check.Quantity = quantity;
        return new ReserveRequest
        {
            Validate = check,
            TimeToLive = timeToLive is { } span ? Duration.FromTimeSpan(span) : null,
        };
    }

    public static Task<ReserveResponse> ReserveAsync(this TestNode node, ReserveRequest request) =>
        node.CallAsync(ReservePath, request, ReserveResponse.Parser);

    /// <summary>Fails the test unless the units are held.</summary>
    public static async Task<ReserveResponse> HoldAsync(
        this TestNode node, Subscription subscription, long quantity = 0, TimeSpan? timeToLive = null)
    {
        var answer = await node.ReserveAsync(subscription.Reservation(quantity, timeToLive));
        Assert.True(answer.BaseResponse.Valid, answer.BaseResponse.FailureCode);
        return answer;
    }

    /// <param name="used">Null: all.</param>
    public static async Task<StatusCode> CommitAsync(this TestNode node, string id, long? used = null) =>
        (await node.TryCommitAsync(id, used)).Code;

    public static Task<GrpcReply<Empty>> TryCommitAsync(this TestNode node, string id, long? used)
    {
        var request = new CommitRequest { Params = new BaseReservationParams { Id = id } };
        if (used is { } units)
        {
            request.ActualQuantity = units;
        }
        return SettleAsync(node, CommitPath, request);
    }

    public static async Task<StatusCode> RollbackAsync(this TestNode node, string id) =>
        (await SettleAsync(node, RollbackPath, new RollbackRequest { Params = new BaseReservationParams { Id = id } })).Code;

    private static Task<GrpcReply<Empty>> SettleAsync(TestNode node, string path, IMessage request) =>
        node.Grpc.CallAsync(path, request, Empty.Parser, TestContext.Current.CancellationToken);
}
