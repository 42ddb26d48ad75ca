using Google.Protobuf.WellKnownTypes;
using Pandora.Core.Errors;
using Pandora.Core.Gate;
using Pandora.Core.Gate.Outcomes;
using Pandora.Core.Telemetry;
using Pandora.Protos.Reservation.V1;

namespace Pandora.Core.Rpc;

/// <summary>reservation.v1.ReservationService: holds units of a quota, and settles what is held.</summary>
internal sealed class ReservationGrpc(KeyGate gate, Reservations reservations, NodeMeters meters)
{
    private static readonly Empty Done = new();

    private static readonly GrpcStatus OtherCall = GrpcStatus.OtherCall(nameof(ReserveRequest), "validate.idempotency_key");

    public GrpcService Service => new GrpcService(ReservationReflection.Descriptor)
        .Unary<ReserveRequest, ReserveResponse>("Reserve", ReserveRequest.Parser, Reserve)
        .Unary<CommitRequest, Empty>("Commit", CommitRequest.Parser, Commit)
        .Unary<RollbackRequest, Empty>("Rollback", RollbackRequest.Parser, Rollback);

    private async ValueTask<GrpcResult<ReserveResponse>> Reserve(ReserveRequest request, CancellationToken ct)
    {
        var check = CheckInput.ReadReservation(request);
        if (check.Message is null)
        {
            return check.Refusal!;
        }
        CheckAnswer answer;
        try
        {
            answer = await gate.CheckAsync(check.Message, ct);
        }
        catch (IdempotencyConflictException)
        {
            return OtherCall;
        }
        var response = new ReserveResponse
        {
            BaseResponse = CheckAnswers.ToResponse(answer),
            AvailableRequest = answer.AvailableRequests,
        };
        if (answer.Reservation is { } reservation)
        {
            response.ReservationId = reservation.Id.ToString();
            response.ExpiresAt = reservation.ExpiresAt.ToTimestamp();
        }
        return response;
    }

    private async ValueTask<GrpcResult<Empty>> Commit(CommitRequest request, CancellationToken ct)
    {
        var faults = new InputFaults(nameof(CommitRequest));
        var id = ReadId(ref faults, request.Params);
        long? used = request.HasActualQuantity ? request.ActualQuantity : null;
        if (used < 0)
        {
            faults.Add("actual_quantity", "actual_quantity must be 0 to the quantity that was reserved.");
        }
        return faults.Found ?? Answer(id, await reservations.CommitAsync(id, used, ct), "committed");
    }

    private async ValueTask<GrpcResult<Empty>> Rollback(RollbackRequest request, CancellationToken ct)
    {
        var faults = new InputFaults(nameof(RollbackRequest));
        var id = ReadId(ref faults, request.Params);
        return faults.Found ?? Answer(id, await reservations.RollbackAsync(id, ct), "rolled_back");
    }

    private static Guid ReadId(ref InputFaults faults, BaseReservationParams? parameters)
    {
        var id = Guid.Empty;
        if (parameters is null)
        {
            faults.Add("params", "params is required.");
        }
        else if (!UuidText.TryRead(parameters.Id, out id))
        {
            faults.Add("params.id", "params.id must be a UUID.");
        }
        return id;
    }

    private GrpcResult<Empty> Answer(Guid id, ReservationOutcome outcome, string change)
    {
        switch (outcome)
        {
            case ReservationOutcome.Done:
                meters.Reserved(1, change);
                return Done;
            case ReservationOutcome.NotFound:
                return GrpcStatus.Of(Error.NotFound("Reservation", ("id", id)));
            default:
                return TooMuch();
        }
    }

    private static GrpcStatus TooMuch()
    {
        var faults = new InputFaults(nameof(CommitRequest));
        faults.Add("actual_quantity", "actual_quantity is more than was reserved.");
        return faults.Found!;
    }
}
