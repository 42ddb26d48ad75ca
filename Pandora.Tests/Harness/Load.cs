using Grpc.Core;

namespace Pandora.Tests.Harness;

/// <summary>
/// Callers that use up one quota through the door, in every way there is, and keep book of what they were told. What is
/// lost or refused on the way they try again, where the interface allows it, until they are told to give up.
/// </summary>
/// <param name="mixed">False: every call takes one unit and is never repeated.</param>
internal sealed class Load(Subscription subscription, int callers, int seed, bool mixed = true)
{
    private static int _runs;

    private readonly int _run = Interlocked.Increment(ref _runs);
    private Uri[] _nodes = [];
    private int _callers;

    public CallBook Book { get; } = new();

    /// <summary>Begins the path of each call, so that its log row can be found.</summary>
    public string Prefix => $"/load/{_run}/";

    public Subscription Subscription => subscription;

    /// <summary>Where calls go from now on.</summary>
    public void MoveTo(params Uri[] nodes) => Volatile.Write(ref _nodes, nodes);

    /// <summary>
    /// Calls until <paramref name="enough"/>, or until nothing is left of the quota; then brings to an end what was begun,
    /// as long as that takes or until <paramref name="giveUp"/>.
    /// </summary>
    public Task RunAsync(CancellationToken enough, CancellationToken giveUp) =>
        Task.WhenAll(Enumerable.Range(0, callers).Select(async caller =>
        {
            using var calls = Caller(caller);
            var isLeft = true;
            while (isLeft && !enough.IsCancellationRequested && !giveUp.IsCancellationRequested)
            {
                isLeft = mixed ? await calls.NextAsync(giveUp) : await calls.OneUnitAsync(giveUp);
            }
        }));

    /// <summary>Takes what is left of the quota, one by one.</summary>
    public async Task UseUpAsync(CancellationToken giveUp)
    {
        using var calls = Caller(0);
        while (await calls.OneUnitAsync(giveUp))
        {
            giveUp.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Waits until so many calls were answered as valid.</summary>
    public Task AnsweredAsync(int count, TimeSpan? limit = null) =>
        Eventually.HoldsAsync(
            $"{count} valid answers",
            () => Task.FromResult(Book.Valid.Count >= count),
            limit ?? TimeSpan.FromSeconds(60),
            () => $"{Book.Valid.Count} were");

    /// <summary>Waits for so many more; as many as it takes to be sure that every caller was served.</summary>
    public Task AnsweredAgainAsync(TimeSpan limit, int? more = null) =>
        AnsweredAsync(Book.Valid.Count + (more ?? (3 * callers)), limit);

    private LoadCaller Caller(int number) =>
        new(
            this,
            new Random(seed + number),
            () => Next(Volatile.Read(ref _nodes), number),
            $"{Prefix}{Interlocked.Increment(ref _callers)}/");

    private static Uri Next(Uri[] nodes, int number) => nodes[number % nodes.Length];
}

/// <summary>What callers were told.</summary>
internal sealed class CallBook
{
    private readonly Lock _lock = new();
    private readonly List<ValidCall> _valid = [];
    private readonly List<string> _refused = [];
    private readonly Dictionary<StatusCode, int> _codes = [];

    /// <summary>Calls that were let through.</summary>
    public IReadOnlyList<ValidCall> Valid => Copy(_valid);

    /// <summary>Paths of calls that were told that they had no effect.</summary>
    public IReadOnlyList<string> Refused => Copy(_refused);

    public int Count(StatusCode code)
    {
        lock (_lock)
        {
            return _codes.GetValueOrDefault(code);
        }
    }

    public void Add(ValidCall call)
    {
        lock (_lock)
        {
            _valid.Add(call);
        }
    }

    /// <param name="path">Null: it may have had an effect, or is tried again and judged by its end.</param>
    public void AddRefused(StatusCode code, string? path)
    {
        lock (_lock)
        {
            _codes[code] = _codes.GetValueOrDefault(code) + 1;
            if (path is not null)
            {
                _refused.Add(path);
            }
        }
    }

    private List<T> Copy<T>(List<T> list)
    {
        lock (_lock)
        {
            return [.. list];
        }
    }
}

/// <summary>A call that was answered as valid.</summary>
/// <param name="RequestId">Of its log row.</param>
/// <param name="Units">What must be in its log row.</param>
/// <param name="OrUnits">What may be there instead, because nobody heard how its reservation ended.</param>
internal sealed record ValidCall(string Path, Guid RequestId, long Units, long OrUnits);
