using Google.Protobuf.WellKnownTypes;
using Pandora.Core.Errors;
using Pandora.Core.Gate;
using Pandora.Protos.Reservation.V1;

namespace Pandora.Core.Grpc;

/// <summary>
/// reservation.v1.ReservationService: settles reservations. Nothing creates one in this version, so none is ever found.
/// </summary>
internal static class ReservationGrpc
{
    public static GrpcService Service => new GrpcService(ReservationReflection.Descriptor)
        .Unary<CommitRequest, Empty>("Commit", CommitRequest.Parser, (request, _) => Settle(request.Params))
        .Unary<RollbackRequest, Empty>("Rollback", RollbackRequest.Parser, (request, _) => Settle(request.Params));

    private static ValueTask<GrpcResult<Empty>> Settle(BaseReservationParams? parameters)
    {
        var faults = new InputFaults(nameof(BaseReservationParams));
        var id = Guid.Empty;
        if (parameters is null)
        {
            faults.Add("params", "params is required.");
        }
        else if (!UuidText.TryRead(parameters.Id, out id))
        {
            faults.Add("params.id", "params.id must be a UUID.");
        }
        return new(faults.Found ?? GrpcStatus.Of(Error.NotFound("Reservation", ("id", id))));
    }
}
