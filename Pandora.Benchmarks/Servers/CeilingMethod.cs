using Pandora.Core.Gate;
using Pandora.Core.Persistence;
using Pandora.Core.Rpc;
using Pandora.Protos.ApiKey.V1;

namespace Pandora.Benchmarks.Servers;

/// <summary>ValidateConsume of the ceilings: reads and checks the message, and answers at once.</summary>
internal static class CeilingMethod
{
    private const long Available = 1_000_000_000;

    private static readonly KeyOwner Owner = new(
        new NamedRecord(1, "bench-environment-1"), new NamedRecord(1, "bench-project-1"), new NamedRecord(1, "bench-client"));

    public static ValidateConsumeResponse Answer(ValidateRequest request)
    {
        CheckInput.Read(request, CheckKind.Consume);
        var now = TimeProvider.System.GetUtcNow();
        var answer = new CheckAnswer(RequestId.At(now), FailureCode.None, Owner, Available, now, Reservation: null);
        return new ValidateConsumeResponse
        {
            BaseResponse = CheckAnswers.ToResponse(answer),
            AvailableRequest = answer.AvailableRequests,
        };
    }
}
