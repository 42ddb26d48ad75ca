using Pandora.Core.Gate;
using Pandora.Protos.ApiKey.V1;
using EnvironmentMessage = Pandora.Protos.ApiKey.V1.Environment;

namespace Pandora.Core.Grpc;

/// <summary>api_key.v1.APIKeyService: asks the gate whether a key may pass.</summary>
internal sealed class ApiKeyGrpc(KeyGate gate)
{
    public GrpcService Service => new GrpcService(ApiKeyReflection.Descriptor)
        .Unary<ValidateRequest, ValidateResponse>("Validate", ValidateRequest.Parser, Validate)
        .Unary<ValidateRequest, ValidateConsumeResponse>("ValidateConsume", ValidateRequest.Parser, ValidateConsume);

    private async ValueTask<GrpcResult<ValidateResponse>> Validate(ValidateRequest request, CancellationToken ct)
    {
        var check = CheckInput.Read(request, consumes: false);
        if (check.Message is null)
        {
            return check.Refusal!;
        }
        return ToResponse(await gate.CheckAsync(check.Message, ct));
    }

    private async ValueTask<GrpcResult<ValidateConsumeResponse>> ValidateConsume(
        ValidateRequest request, CancellationToken ct)
    {
        var check = CheckInput.Read(request, consumes: true);
        if (check.Message is null)
        {
            return check.Refusal!;
        }
        var answer = await gate.CheckAsync(check.Message, ct);
        return new ValidateConsumeResponse
        {
            BaseResponse = ToResponse(answer),
            AvailableRequest = answer.AvailableRequests,
        };
    }

    private static ValidateResponse ToResponse(CheckAnswer answer)
    {
        var response = new ValidateResponse
        {
            Valid = answer.Failure == FailureCode.None,
            RequestId = answer.RequestId.ToString(),
            FailureCode = FailureWords.Of(answer.Failure),
        };
        if (answer.Owner is { } owner)
        {
            response.Project = new Project { Id = owner.Project.Id, Name = owner.Project.Name };
            response.Client = new Client { Id = owner.Client.Id, Name = owner.Client.Name };
            response.Environment = new EnvironmentMessage { Id = owner.Environment.Id, Name = owner.Environment.Name };
        }
        return response;
    }
}
