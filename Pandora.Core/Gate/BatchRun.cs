using Npgsql;
using NpgsqlTypes;
using Pandora.Core.Quotas;

namespace Pandora.Core.Gate;

/// <summary>
/// One transaction for many checks: reads what they are about, decides, and writes log rows, counters, usage and last
/// use. Reused by its writer from batch to batch; see <see cref="KeyGate"/> for the steps.
/// </summary>
internal sealed class BatchRun
{
    // A check that loses its counter between look-up and lock is decided again; deletions are rare, so twice is plenty.
    private const int MaxDecisions = 5;

    private static readonly TimeSpan LastUsePrecision = TimeSpan.FromSeconds(30);

    private readonly Dictionary<LookUpKey, Facts> _facts = [];
    private readonly Counters _counters = new();
    private readonly RequestRows _rows = new();
    private readonly UsageSums _usage = new();
    private readonly SortedSet<int> _firstUsedKeys = [];
    private readonly SortedSet<int> _usedKeys = [];
    private readonly List<PendingCheck> _candidates = [];

    /// <summary>Id of the running transaction; known before anything is written.</summary>
    public string TransactionId { get; private set; } = "";

    /// <summary>
    /// Steps 3 to 5: begins the transaction and decides each check, holding the counters locked. Checks that end before
    /// their turn are removed from <paramref name="checks"/>.
    /// </summary>
    public async Task DecideAsync(
        NpgsqlConnection connection, List<PendingCheck> checks, DateTimeOffset now, CancellationToken ct)
    {
        for (var round = 0; round < MaxDecisions; round++)
        {
            // :: 3
            await BeginAsync(connection, checks, again: round > 0, ct);
            checks.RemoveAll(check => check.IsEnded);
            // :: 4
            _candidates.Clear();
            foreach (var check in checks)
            {
                var facts = _facts[check.LookUp];
                var failure = Verdict.Of(facts, now);
                check.Decision = new Decision(Guid.CreateVersion7(now), facts, failure, 0, 0);
                if (failure == FailureCode.None && check.Check.Consumes)
                {
                    _candidates.Add(check);
                }
            }
            // :: 5
            _counters.Clear();
            if (_candidates.Count == 0)
            {
                return;
            }
            await _counters.LockAsync(connection, _candidates.Select(check => check.Decision), now, ct);
            checks.RemoveAll(check => check.IsEnded);
            _candidates.RemoveAll(check => check.IsEnded);
            if (_candidates.TrueForAll(TakeOne))
            {
                return;
            }
        }
        throw new InvalidOperationException("The records of a check kept changing while it was decided.");
    }

    /// <summary>Step 6: writes all that was decided, and commits.</summary>
    public async Task CommitAsync(
        NpgsqlConnection connection, IReadOnlyList<PendingCheck> checks, DateTimeOffset now, CancellationToken ct)
    {
        _rows.Clear();
        _usage.Clear();
        _firstUsedKeys.Clear();
        _usedKeys.Clear();
        foreach (var check in checks)
        {
            var decision = check.Decision;
            _rows.Add(check, now);
            if (decision.Facts is not { Key: { } key, Service: { } service })
            {
                continue;
            }
            _usage.Add(new CounterKey(key.Owner.Environment.Id, service.Id), now, decision, +1);
            if (decision.Failure == FailureCode.None && !(key.LastUsed > now - LastUsePrecision))
            {
                (key.LastUsed is null ? _firstUsedKeys : _usedKeys).Add(key.Id);
            }
        }

        await using var batch = new NpgsqlBatch(connection);
        _counters.Write(batch);
        _rows.Write(batch, now);
        _usage.Write(batch);
        Note(batch, GateSql.NoteFirstUse, _firstUsedKeys, now);
        Note(batch, GateSql.NoteLastUse, _usedKeys, now);
        batch.Add(GateSql.Commit);
        await batch.ExecuteNonQueryAsync(ct);
    }

    /// <summary>
    /// Takes committed checks back that nobody was told of: their log rows, usage and requests, in a transaction of its
    /// own. Only what is still in the log is taken back, so that doing it twice does no harm.
    /// </summary>
    /// <param name="committedAt">The moment the checks were recorded.</param>
    /// <returns>How many were still in the log.</returns>
    public async Task<int> UndoAsync(
        NpgsqlConnection connection,
        IReadOnlyList<Decision> decisions,
        DateTimeOffset committedAt,
        DateTimeOffset now,
        CancellationToken ct)
    {
        var deleted = await BeginUndoAsync(connection, decisions, ct);
        var undone = decisions.Where(decision => deleted.Contains(decision.RequestId)).ToList();
        _counters.Clear();
        if (undone.FindAll(decision => decision.Took > 0) is { Count: > 0 } takers)
        {
            await _counters.LockAsync(connection, takers, now, ct);
        }
        _usage.Clear();
        foreach (var decision in undone)
        {
            if (decision.Facts is { Key: { } key, Service: { } service })
            {
                var counter = new CounterKey(key.Owner.Environment.Id, service.Id);
                _usage.Add(counter, committedAt, decision, -1);
                _counters.Return(counter, decision.Took);
            }
        }

        await using var batch = new NpgsqlBatch(connection);
        _counters.Write(batch);
        _usage.Write(batch);
        batch.Add(GateSql.Commit);
        await batch.ExecuteNonQueryAsync(ct);
        return undone.Count;
    }

    /// <summary>
    /// Whether a transaction whose connection broke was committed after all. Null: that is still open.
    /// </summary>
    /// <param name="requestId">A row that it would have written.</param>
    public static async Task<bool?> WasCommittedAsync(
        NpgsqlConnection connection, string transactionId, Guid requestId, CancellationToken ct)
    {
        // In this order: only what can no longer commit is looked for.
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(GateSql.IsInProgress).With(transactionId, NpgsqlDbType.Text);
        batch.Add(GateSql.IsRecorded).With(requestId, NpgsqlDbType.Uuid);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        var isInProgress = reader.GetBoolean(0);
        await reader.NextResultAsync(ct);
        await reader.ReadAsync(ct);
        return isInProgress ? null : reader.GetBoolean(0);
    }

    private static async Task<HashSet<Guid>> BeginUndoAsync(
        NpgsqlConnection connection, IReadOnlyList<Decision> decisions, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(GateSql.Begin);
        batch.Add(GateSql.DeleteRequests).WithUuids(decisions.Select(decision => decision.RequestId).ToList());
        await using var reader = await batch.ExecuteReaderAsync(ct);
        var deleted = new HashSet<Guid>();
        while (await reader.ReadAsync(ct))
        {
            deleted.Add(reader.GetGuid(0));
        }
        return deleted;
    }

    private static void Note(NpgsqlBatch batch, string sql, SortedSet<int> keys, DateTimeOffset now)
    {
        if (keys.Count > 0)
        {
            batch.Add(sql).WithInts(keys.ToList()).With(now.UtcDateTime, NpgsqlDbType.TimestampTz);
        }
    }

    /// <summary>Begins the transaction and reads the facts of all checks.</summary>
    /// <param name="again">
    /// True: gives up what was locked before, because locks taken in a second round would be out of order.
    /// </param>
    private async Task BeginAsync(
        NpgsqlConnection connection, IReadOnlyList<PendingCheck> checks, bool again, CancellationToken ct)
    {
        _facts.Clear();
        foreach (var check in checks)
        {
            _facts.TryAdd(check.LookUp, Facts.Nothing);
        }
        var asked = _facts.Keys.ToList();
        await using var batch = new NpgsqlBatch(connection);
        if (again)
        {
            batch.Add(GateSql.Rollback);
        }
        batch.Add(GateSql.Begin);
        batch.Add(GateSql.TransactionId);
        KeyDirectory.Ask(batch, asked);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        TransactionId = reader.GetString(0);
        await reader.NextResultAsync(ct);
        await KeyDirectory.ReadAsync(reader, asked, _facts, ct);
    }

    /// <summary>False: the counter is gone, so that the check must be decided anew.</summary>
    private bool TakeOne(PendingCheck check)
    {
        if (_counters.Take(Counters.KeyOf(check.Decision.Facts)) is not { } result)
        {
            return false;
        }
        check.Decision = result switch
        {
            { Taken: false } => check.Decision with { Failure = FailureCode.QuotaExceeded },
            { Left: Quota.Unlimited } => check.Decision with { AvailableRequests = Quota.Unlimited },
            { Left: var left } => check.Decision with { Took = 1, AvailableRequests = left },
        };
        return true;
    }
}
