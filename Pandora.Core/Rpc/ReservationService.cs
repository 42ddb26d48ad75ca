using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Pandora.Core.Errors;
using Pandora.Core.Gate;
using Pandora.Core.Gate.Outcomes;
using Pandora.Core.Telemetry;
using Pandora.Protos.Reservation.V1;

namespace Pandora.Core.Rpc;

/// <summary>reservation.v1.ReservationService: holds units of a quota, and settles what is held.</summary>
internal sealed class ReservationService(KeyGate gate, Reservations reservations, CallFaults faults, NodeMeters meters)
    : Protos.Reservation.V1.ReservationService.ReservationServiceBase
{
    private static readonly Empty Done = new();

    public override async Task<ReserveResponse> Reserve(ReserveRequest request, ServerCallContext context)
    {
        CheckAnswer answer;
        try
        {
            answer = await gate.CheckAsync(CheckInput.ReadReservation(request), context.PeerOf(request), context.CancellationToken);
        }
        catch (IdempotencyConflictException)
        {
            throw GrpcErrors.Of(GrpcErrors.OtherCall(nameof(ReserveRequest), "validate.idempotency_key"));
        }
        catch (Exception e) when (CallFaults.IsUnexplained(e, context))
        {
            throw faults.Explain(context, e);
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

    public override async Task<Empty> Commit(CommitRequest request, ServerCallContext context)
    {
        var input = new InputFaults(nameof(CommitRequest));
        var id = ReadId(ref input, request.Params);
        long? used = request.HasActualQuantity ? request.ActualQuantity : null;
        if (used < 0)
        {
            input.Add("actual_quantity", "actual_quantity must be 0 to the quantity that was reserved.");
        }
        input.ThrowIfAny();
        try
        {
            return Answer(id, await reservations.CommitAsync(id, used, context.CancellationToken), "committed");
        }
        catch (Exception e) when (CallFaults.IsUnexplained(e, context))
        {
            throw faults.Explain(context, e);
        }
    }

    public override async Task<Empty> Rollback(RollbackRequest request, ServerCallContext context)
    {
        var input = new InputFaults(nameof(RollbackRequest));
        var id = ReadId(ref input, request.Params);
        input.ThrowIfAny();
        try
        {
            return Answer(id, await reservations.RollbackAsync(id, context.CancellationToken), "rolled_back");
        }
        catch (Exception e) when (CallFaults.IsUnexplained(e, context))
        {
            throw faults.Explain(context, e);
        }
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

    private Empty Answer(Guid id, ReservationOutcome outcome, string change)
    {
        switch (outcome)
        {
            case ReservationOutcome.Done:
                meters.Reserved(1, change);
                return Done;
            case ReservationOutcome.NotFound:
                throw GrpcErrors.Of(Error.NotFound("Reservation", ("id", id)));
            default:
                throw GrpcErrors.Of(Error.Field(nameof(CommitRequest), "actual_quantity", "actual_quantity is more than was reserved."));
        }
    }
}
