using Grpc.Core;
using Pandora.Core.Gate;
using Pandora.Protos.ApiKey.V1;

namespace Pandora.Core.Rpc;

/// <summary>api_key.v1.APIKeyService: asks the gate whether a key may pass.</summary>
internal sealed class ApiKeyService(KeyGate gate, CallFaults faults) : APIKeyService.APIKeyServiceBase
{
    public override async Task<ValidateResponse> Validate(ValidateRequest request, ServerCallContext context)
    {
        try
        {
            return CheckAnswers.ToResponse(await CheckAsync(request, CheckKind.Validate, context));
        }
        catch (Exception e) when (CallFaults.IsUnexplained(e, context))
        {
            throw faults.Explain(context, e);
        }
    }

    public override async Task<ValidateConsumeResponse> ValidateConsume(ValidateRequest request, ServerCallContext context)
    {
        try
        {
            var answer = await CheckAsync(request, CheckKind.Consume, context);
            return new ValidateConsumeResponse
            {
                BaseResponse = CheckAnswers.ToResponse(answer),
                AvailableRequest = answer.AvailableRequests,
            };
        }
        catch (Exception e) when (CallFaults.IsUnexplained(e, context))
        {
            throw faults.Explain(context, e);
        }
    }

    private ValueTask<CheckAnswer> CheckAsync(ValidateRequest request, CheckKind kind, ServerCallContext context) =>
        gate.CheckAsync(CheckInput.Read(request, kind), context.PeerOf(request), context.CancellationToken);
}
