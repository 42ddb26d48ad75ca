using Pandora.Core.Errors;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Gate.Ledger;

/// <summary>
/// Counts how the checks of a batch ended, so that a measurement is taken for each outcome and not for each check. Of one
/// writer.
/// </summary>
internal sealed class AnswerTally(NodeMeters meters)
{
    private const int Outcomes = (int)FailureCode.ApiKeyInvalid + 1;

    private static readonly string[] Methods = ["Validate", "ValidateConsume", "Reserve"]; // in the order of CheckKind

    private readonly int[] _counts = new int[Methods.Length * Outcomes];

    /// <summary>The method by which a check is asked for, as callers know it.</summary>
    public static string MethodOf(CheckKind kind) => Methods[(int)kind];

    /// <param name="checks">All of them decided, committed and about to be answered.</param>
    public void Add(List<PendingCheck> checks)
    {
        if (!meters.CountsChecks || checks.Count == 0)
        {
            return;
        }
        foreach (var pending in checks)
        {
            _counts[(int)pending.Check.Kind * Outcomes + (int)pending.Decision.Failure]++;
        }
        for (var i = 0; i < _counts.Length; i++)
        {
            if (_counts[i] > 0)
            {
                Report((CheckKind)(i / Outcomes), (FailureCode)(i % Outcomes), _counts[i]);
                _counts[i] = 0;
            }
        }
    }

    /// <summary>Counts a check that gets no answer.</summary>
    public static void AddUndecided(NodeMeters meters, CheckKind kind, Exception fault)
    {
        var (outcome, error) = fault switch
        {
            GateUnavailableException unavailable => ("unavailable", unavailable.Cause),
            IdempotencyConflictException => ("conflict", "idempotency_key"),
            OperationCanceledException => ("abandoned", "caller"),
            _ => ("failed", "internal"),
        };
        meters.Undecided(MethodOf(kind), outcome, error);
    }

    private void Report(CheckKind kind, FailureCode failure, int count)
    {
        meters.Answered(MethodOf(kind), EnumWords<FailureCode>.Upper[failure], count);
        if (kind == CheckKind.Reserve && failure == FailureCode.None)
        {
            meters.Reserved(count, "made");
        }
    }
}
