namespace Pandora.Core.Gate.Ledger;

/// <summary>
/// Gives answers to those who wait, some dozens on one thread: a task of its own for each would cost more than the answer.
/// The lane goes on with its next batch meanwhile.
/// </summary>
internal sealed class AnswerDelivery : IThreadPoolWorkItem
{
    private const int MostOnOneThread = 32;

    private readonly List<PendingCheck> _checks;
    private readonly Func<PendingCheck, CheckAnswer> _answerTo;
    private readonly int _first;

    private AnswerDelivery(List<PendingCheck> checks, Func<PendingCheck, CheckAnswer> answerTo, int first)
    {
        _checks = checks;
        _answerTo = answerTo;
        _first = first;
    }

    /// <param name="checks">All of them claimed; the list is not used by anybody else any more.</param>
    public static void Deliver(List<PendingCheck> checks, Func<PendingCheck, CheckAnswer> answerTo)
    {
        for (var first = 0; first < checks.Count; first += MostOnOneThread)
        {
            ThreadPool.UnsafeQueueUserWorkItem(new AnswerDelivery(checks, answerTo, first), preferLocal: false);
        }
    }

    public void Execute()
    {
        var end = Math.Min(_first + MostOnOneThread, _checks.Count);
        for (var i = _first; i < end; i++)
        {
            _checks[i].Give(_answerTo(_checks[i]));
        }
    }
}
