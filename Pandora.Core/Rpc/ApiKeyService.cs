using Grpc.Core;
using Pandora.Core.Gate;
using Pandora.Protos.ApiKey.V1;

namespace Pandora.Core.Rpc;

/// <summary>api_key.v1.APIKeyService: asks the gate whether a key may pass.</summary>
internal sealed class ApiKeyService(KeyGate gate) : APIKeyService.APIKeyServiceBase
{
    public override async Task<ValidateResponse> Validate(ValidateRequest request, ServerCallContext context) =>
        CheckAnswers.ToResponse(
            await gate.CheckAsync(CheckInput.Read(request, CheckKind.Validate), context.CancellationToken));

    public override async Task<ValidateConsumeResponse> ValidateConsume(ValidateRequest request, ServerCallContext context)
    {
        var answer = await gate.CheckAsync(CheckInput.Read(request, CheckKind.Consume), context.CancellationToken);
        return new ValidateConsumeResponse
        {
            BaseResponse = CheckAnswers.ToResponse(answer),
            AvailableRequest = answer.AvailableRequests,
        };
    }
}
