using Pandora.Core.Gate.Ledger;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Gate.Idempotency;

/// <summary>Replays: checks whose idempotency key is in the store, and the answers they get once that is certain.</summary>
internal sealed class Replays
{
    // Null: the name belongs to another call.
    private readonly Dictionary<PendingCheck, CheckAnswer?> _answers = [];

    /// <param name="answer">Null: the name belongs to another call.</param>
    public void Add(PendingCheck check, CheckAnswer? answer) => _answers.Add(check, answer);

    /// <summary>The checks that are new, one of each name.</summary>
    public List<PendingCheck> NotFoundIn(List<PendingCheck> checks) =>
        [.. checks.Where(check => !_answers.ContainsKey(check)).DistinctBy(check => check.IdempotencyKey!.Key)];

    /// <summary>To be called after the commit. If nobody hears it, nothing was done either.</summary>
    public void Deliver(NodeMeters meters)
    {
        foreach (var (check, answer) in _answers)
        {
            if (answer is null)
            {
                check.Fail(new IdempotencyConflictException());
            }
            else if (check.TryClaim())
            {
                meters.Repeated(AnswerTally.MethodOf(check.Check.Kind));
                AnswerDelivery.Deliver([check], _ => answer);
            }
        }
    }
}
