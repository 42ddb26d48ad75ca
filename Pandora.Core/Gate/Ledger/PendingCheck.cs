using System.Diagnostics;
using System.Threading.Tasks.Sources;
using Pandora.Core.Gate.Idempotency;
using Pandora.Core.Telemetry;
using Pandora.Core.Transport;

namespace Pandora.Core.Gate.Ledger;

/// <summary>
/// A check on its way through the ledger: what was asked, what the batch decided, and the promise of an answer. The
/// caller may end it at any time; the writer then drops it, or takes it back if it was committed meanwhile.
/// </summary>
/// <remarks>What waits for the answer goes on at once, on the thread that gives it.</remarks>
internal sealed class PendingCheck(Check check, LoggedTexts texts, LookUpKey lookUp, NodeMeters meters) : IValueTaskSource<CheckAnswer>
{
    private const int BytesWithoutTexts = 1_024;

    private const int Open = 0;
    private const int Ended = 1;
    private const int Answered = 2;

    private int _state = Open;
    private ManualResetValueTaskSourceCore<CheckAnswer> _answer;
    private CancellationTokenRegistration _giveUp;

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

    /// <summary>Who asks.</summary>
    public Peer Peer { get; init; }

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

    /// <summary>The answer, which may be there already; to be asked for and awaited once.</summary>
    /// <param name="ct">The caller gives up: the check ends without an answer.</param>
    public ValueTask<CheckAnswer> Answer(CancellationToken ct)
    {
        _giveUp = ct.UnsafeRegister(static (check, ct) => ((PendingCheck)check!).Fail(new OperationCanceledException(ct)), this);
        return new ValueTask<CheckAnswer>(this, _answer.Version);
    }

    /// <summary>Ends the check without an answer, unless it has ended.</summary>
    public void Fail(Exception fault)
    {
        if (Interlocked.CompareExchange(ref _state, Ended, Open) == Open)
        {
            AnswerTally.AddUndecided(meters, check.Kind, fault);
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

    CheckAnswer IValueTaskSource<CheckAnswer>.GetResult(short token)
    {
        _giveUp.Unregister();
        return _answer.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<CheckAnswer>.GetStatus(short token) => _answer.GetStatus(token);

    void IValueTaskSource<CheckAnswer>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _answer.OnCompleted(continuation, state, token, flags);
}
