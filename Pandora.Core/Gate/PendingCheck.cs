namespace Pandora.Core.Gate;

/// <summary>
/// A check on its way through the ledger: what was asked, what the batch decided, and the promise of an answer. The
/// caller may end it at any time; the writer then drops it, or takes it back if it was committed meanwhile.
/// </summary>
internal sealed class PendingCheck(Check check, LoggedTexts texts, LookUpKey lookUp)
    : TaskCompletionSource<CheckAnswer>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    private const int Open = 0;
    private const int Ended = 1;
    private const int Answered = 2;

    private int _state = Open;

    public Check Check => check;

    public LoggedTexts Texts => texts;

    public LookUpKey LookUp => lookUp;

    /// <summary>Set by the writer for each attempt to commit.</summary>
    public Decision Decision { get; set; }

    /// <summary>True when nobody waits for the answer any more.</summary>
    public bool IsEnded => Volatile.Read(ref _state) == Ended;

    /// <summary>Ends the check without an answer because its caller gave up.</summary>
    public void Abandon(CancellationToken ct)
    {
        if (Interlocked.CompareExchange(ref _state, Ended, Open) == Open)
        {
            TrySetCanceled(ct);
        }
    }

    /// <summary>Ends the check without an answer because of a fault.</summary>
    public void Fail(Exception fault)
    {
        if (Interlocked.CompareExchange(ref _state, Ended, Open) == Open)
        {
            TrySetException(fault);
        }
    }

    /// <summary>Answers with the committed decision. False: the check had ended before, and its effect must be undone.</summary>
    public bool TryAnswer()
    {
        if (Interlocked.CompareExchange(ref _state, Answered, Open) != Open)
        {
            return false;
        }
        TrySetResult(new CheckAnswer(Decision.RequestId, Decision.Failure, Decision.Facts.Key?.Owner, Decision.AvailableRequests));
        return true;
    }
}

/// <summary>What a batch decided about one check.</summary>
/// <param name="Took">Requests taken from the counter: 1 or 0.</param>
/// <param name="AvailableRequests">Requests left; -1 when unlimited, 0 in every other case.</param>
internal readonly record struct Decision(Guid RequestId, Facts Facts, FailureCode Failure, int Took, long AvailableRequests);
