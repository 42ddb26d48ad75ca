using System.Diagnostics;
using System.Net;
using System.Threading.Tasks.Sources;
using Pandora.Core.Gate.Idempotency;

namespace Pandora.Core.Gate.Ledger;

/// <summary>
/// A check on its way through the ledger: what was asked, what the batch decided, and the promise of an answer. The
/// caller may end it at any time; the writer then drops it, or takes it back if it was committed meanwhile.
/// </summary>
/// <remarks>What waits for the answer goes on at once, on the thread that gives it.</remarks>
internal sealed class PendingCheck(Check check, LoggedTexts texts, LookUpKey lookUp) : IValueTaskSource<CheckAnswer>
{
    private const int BytesWithoutTexts = 1_024;

    private const int Open = 0;
    private const int Ended = 1;
    private const int Answered = 2;

    private int _state = Open;
    private ManualResetValueTaskSourceCore<CheckAnswer> _answer;

    /// <summary>The answer; to be awaited once.</summary>
    public ValueTask<CheckAnswer> Answer => new(this, _answer.Version);

    public Check Check => check;

    public LoggedTexts Texts => texts;

    public LookUpKey LookUp => lookUp;

    /// <summary>What the directory knew last; the writer makes sure that it is current. Null: not looked up yet.</summary>
    public Facts? Facts { get; set; }

    /// <summary>Under which the answer is remembered. Null: the caller gave none.</summary>
    public IdempotencyKey? IdempotencyKey { get; init; }

    /// <summary>
    /// Whether the answer is remembered under <see cref="IdempotencyKey"/>. A replay of a key that would no longer pass has an
    /// answer of its own, which is not.
    /// </summary>
    public bool IsRemembered { get; set; }

    /// <summary>Whether it was decided if a check with this unknown key gets a row of the log.</summary>
    public bool IsAdmitted { get; set; }

    /// <summary>What was decided; of unknown keys alone.</summary>
    public bool IsLogged { get; set; }

    /// <summary>Whether it gets a row of the log.</summary>
    public bool HasRow => !IsAdmitted || IsLogged || Facts?.Key is not null;

    /// <summary>About what it takes of the memory while it waits.</summary>
    public int Bytes { get; } = BytesWithoutTexts + (sizeof(char) * texts.Length);

    /// <summary>When it began to wait, a time stamp of <see cref="Stopwatch"/>.</summary>
    public long Since { get; } = Stopwatch.GetTimestamp();

    /// <summary>Address of the caller. Null: it has none.</summary>
    public IPAddress? Peer { get; init; }

    /// <summary>The span of the call. Null: it is not recorded.</summary>
    public Activity? Call { get; init; }

    /// <summary>Set by the writer for each attempt to commit.</summary>
    public Decision Decision { get; set; }

    /// <summary>False when nobody waits for the answer any more, or it is being given.</summary>
    public bool IsOpen => Volatile.Read(ref _state) == Open;

    /// <summary>What the caller is told, once <see cref="Decision"/> is committed.</summary>
    public CheckAnswer AnswerAt(DateTimeOffset now) => new(
        Decision.RequestId,
        Decision.Failure,
        Facts!.Key?.Owner,
        Decision.Available,
        Facts.Counter?.Schedule.Advance(now).NextReset,
        Decision.Reservation);

    /// <summary>Ends the check without an answer because its caller gave up.</summary>
    public void Abandon(CancellationToken ct)
    {
        if (Interlocked.CompareExchange(ref _state, Ended, Open) == Open)
        {
            _answer.SetException(new OperationCanceledException(ct));
        }
    }

    /// <summary>Ends the check without an answer because of a fault.</summary>
    public void Fail(Exception fault)
    {
        if (Interlocked.CompareExchange(ref _state, Ended, Open) == Open)
        {
            _answer.SetException(fault);
        }
    }

    /// <summary>
    /// From now on the caller can no longer give up; <see cref="Give"/> must follow. False: the check has ended, and its
    /// effect must be undone.
    /// </summary>
    public bool TryClaim() => Interlocked.CompareExchange(ref _state, Answered, Open) == Open;

    /// <summary>Answers a check that is claimed.</summary>
    public void Give(CheckAnswer answer) => _answer.SetResult(answer);

    CheckAnswer IValueTaskSource<CheckAnswer>.GetResult(short token) => _answer.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<CheckAnswer>.GetStatus(short token) => _answer.GetStatus(token);

    void IValueTaskSource<CheckAnswer>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _answer.OnCompleted(continuation, state, token, flags);
}
