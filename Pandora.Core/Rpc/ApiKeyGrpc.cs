using System.Runtime.CompilerServices;
using Pandora.Core.Gate;
using Pandora.Protos.ApiKey.V1;

namespace Pandora.Core.Rpc;

/// <summary>api_key.v1.APIKeyService: asks the gate whether a key may pass.</summary>
internal sealed class ApiKeyGrpc(KeyGate gate)
{
    public GrpcService Service => new GrpcService(ApiKeyReflection.Descriptor)
        .Unary<ValidateRequest, ValidateResponse>("Validate", ValidateRequest.Parser, Validate)
        .Unary<ValidateRequest, ValidateConsumeResponse>("ValidateConsume", ValidateRequest.Parser, ValidateConsume);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<GrpcResult<ValidateResponse>> Validate(ValidateRequest request, CancellationToken ct)
    {
        var check = CheckInput.Read(request, CheckKind.Validate);
        if (check.Message is null)
        {
            return check.Refusal!;
        }
        return CheckAnswers.ToResponse(await gate.CheckAsync(check.Message, ct));
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<GrpcResult<ValidateConsumeResponse>> ValidateConsume(
        ValidateRequest request, CancellationToken ct)
    {
        var check = CheckInput.Read(request, CheckKind.Consume);
        if (check.Message is null)
        {
            return check.Refusal!;
        }
        var answer = await gate.CheckAsync(check.Message, ct);
        return new ValidateConsumeResponse
        {
            BaseResponse = CheckAnswers.ToResponse(answer),
            AvailableRequest = answer.AvailableRequests,
        };
    }
}
