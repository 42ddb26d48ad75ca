using Pandora.Core.Gate;

namespace Pandora.Core.Requests;

/// <summary>Reads the outcome of a log row: the status of its call or, if it was refused, 10 and the reason.</summary>
internal static class LoggedOutcome
{
    private const short Refused = 10;

    public static ExecutionStatus StatusOf(short outcome) => outcome > Refused ? ExecutionStatus.Unauthorized : (ExecutionStatus)outcome;

    public static FailureCode ReasonOf(short outcome) => outcome > Refused ? (FailureCode)(outcome - Refused) : FailureCode.None;
}
