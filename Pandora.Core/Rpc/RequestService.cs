using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Pandora.Core.Errors;
using Pandora.Core.Gate;
using Pandora.Core.Gate.Outcomes;
using Pandora.Protos.Request.V1;
using Status = Grpc.Core.Status;

namespace Pandora.Core.Rpc;

/// <summary>request.v1.RequestService: stores how the calls that were let through ended.</summary>
internal sealed class RequestService(ExecutionReports reports, CallFaults faults) : Protos.Request.V1.RequestService.RequestServiceBase
{
    private static readonly Empty Done = new();

    private static readonly Status Settled =
        new(StatusCode.FailedPrecondition, "The request was refused, or another outcome is stored already.");

    public override async Task<Empty> UpdateExecutionStatus(UpdateExecutionStatusRequest request, ServerCallContext context)
    {
        var input = new InputFaults(nameof(UpdateExecutionStatusRequest));
        if (!UuidText.TryRead(request.Id, out var id))
        {
            input.Add("id", "id must be a UUID.");
        }
        var (status, first, last) = Outcome(request.ExecutionStatus);
        CheckDetail(ref input, request.Detail, status);
        if (request.StatusCode < first || request.StatusCode > last)
        {
            input.Add(
                "status_code",
                "status_code must be 100 to 399 for success, 400 to 499 for client_error, 500 to 599 for server_error.");
        }
        if (status is null)
        {
            input.Add("execution_status", "execution_status must be success, client_error or server_error.");
        }
        input.ThrowIfAny();

        try
        {
            return await reports.ReportAsync(id, status!.Value, (int)request.StatusCode, request.Detail, context.CancellationToken) switch
            {
                ReportOutcome.Accepted => Done,
                ReportOutcome.NotFound => throw GrpcErrors.Of(Error.NotFound("Request", ("id", id))),
                _ => throw new RpcException(Settled),
            };
        }
        catch (Exception e) when (CallFaults.IsUnexplained(e, context))
        {
            throw faults.Explain(context, e);
        }
    }

    /// <summary>The final status of a word with its range of codes; without a status, the range of them all.</summary>
    private static (ExecutionStatus? Status, int First, int Last) Outcome(string word) => word switch
    {
        "success" => (ExecutionStatus.Success, 100, 399),
        "client_error" => (ExecutionStatus.ClientError, 400, 499),
        "server_error" => (ExecutionStatus.ServerError, 500, 599),
        _ => (null, 100, 599),
    };

    private static void CheckDetail(ref InputFaults faults, string detail, ExecutionStatus? status)
    {
        if (status != ExecutionStatus.Success && string.IsNullOrWhiteSpace(detail))
        {
            faults.Add("detail", "detail is required unless execution_status is success.");
        }
        else
        {
            faults.AllowText("detail", detail);
        }
    }
}
