using Google.Protobuf.WellKnownTypes;
using Pandora.Core.Errors;
using Pandora.Core.Gate;
using Pandora.Core.Telemetry;
using Pandora.Protos.ApiKey.V1;
using EnvironmentMessage = Pandora.Protos.ApiKey.V1.Environment;

namespace Pandora.Core.Rpc;

/// <summary>What every answer to a check has in common.</summary>
internal static class CheckAnswers
{
    public static ValidateResponse ToResponse(CheckAnswer answer)
    {
        var failure = EnumWords<FailureCode>.Upper[answer.Failure];
        CallWatch.Answered(failure, answer.RequestId);
        var response = new ValidateResponse
        {
            Valid = answer.Failure == FailureCode.None,
            RequestId = answer.RequestId == Guid.Empty ? "" : answer.RequestId.ToString(),
            FailureCode = failure,
        };
        if (answer.Owner is { } owner)
        {
            response.Project = new Project { Id = owner.Project.Id, Name = owner.Project.Name };
            response.Client = new Client { Id = owner.Client.Id, Name = owner.Client.Name };
            response.Environment = new EnvironmentMessage { Id = owner.Environment.Id, Name = owner.Environment.Name };
        }
        if (answer.ResetAt is { } resetAt)
        {
            response.ResetAt = resetAt.ToTimestamp();
        }
        return response;
    }
}
