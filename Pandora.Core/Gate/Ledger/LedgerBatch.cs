using Npgsql;
using NpgsqlTypes;
using Pandora.Core.Persistence;
using Pandora.Core.Quotas;

namespace Pandora.Core.Gate.Ledger;

/// <summary>
/// One attempt to commit a batch: decides each check by its facts, and lets one statement charge the counters and write
/// the log. Reused by its writer from batch to batch; see <see cref="KeyGate"/> for the steps.
/// </summary>
internal sealed class LedgerBatch
{
    // Each time somebody gives units back at that very moment; many in a row are something else.
    private const int MostOutruns = 20;

    private readonly List<PendingCheck> _takers = [];
    private readonly List<int> _counterIds = [];
    private readonly List<DateTime> _lastResets = [];
    private readonly List<long> _wanted = [];
    private readonly List<long> _taken = [];
    private readonly CallColumns _calls = new();
    private readonly List<PendingCheck> _reserving = [];
    private readonly List<PendingCheck> _firstUses = [];
    private readonly List<PendingCheck> _laterUses = [];
    private Guid[] _ids = [];
    private DateTimeOffset _now;
    private int _outruns;

    /// <summary>
    /// Decides what needs no counter, and puts the calls that take units in their order. All facts must be current at one
    /// version of the directory.
    /// </summary>
    public void Decide(List<PendingCheck> checks, DateTimeOffset now)
    {
        Clear();
        _now = now;
        if (_ids.Length < checks.Count)
        {
            _ids = new Guid[Math.Max(checks.Count, 2 * _ids.Length)];
        }
        RequestId.Fill(_ids.AsSpan(0, checks.Count), now);
        for (var i = 0; i < checks.Count; i++)
        {
            var pending = checks[i];
            var failure = Verdict.Decide(pending.Facts!, now);
            var available = 0L;
            if (failure == FailureCode.None)
            {
                available = Admit(pending);
            }
            pending.Decision = new Decision(pending.HasRow ? _ids[i] : Guid.Empty, failure, 0, 0, 0, available, null);
        }
        PlaceTakers();
        foreach (var pending in checks)
        {
            if (pending.HasRow)
            {
                _calls.Add(pending, now);
            }
        }
    }

    /// <summary>
    /// Runs the statements, which are one transaction with one flush. Returns what the database says; nothing is written
    /// unless its version is the one that was given. After <see cref="CommitResult.Outrun"/> a transaction that was begun
    /// before is of no more use.
    /// </summary>
    public async Task<CommitResult> CommitAsync(NpgsqlConnection connection, long version, CancellationToken ct)
    {
        try
        {
            var result = await ExecuteAsync(connection, version, ct);
            _outruns = 0;
            return result;
        }
        catch (PostgresException e) when (LedgerSql.IsOutrun(e) && ++_outruns < MostOutruns)
        {
            return CommitResult.Outrun;
        }
    }

    /// <summary>Completes the decisions with what the counters had. Those that were not written are left out.</summary>
    /// <param name="written">Gets the checks that are committed.</param>
    /// <param name="postponed">Gets those whose counter is gone or has to be settled first.</param>
    public void Complete(
        List<PendingCheck> checks, CommitResult result, List<PendingCheck> written, List<PendingCheck> postponed)
    {
        foreach (var pending in _takers)
        {
            var decision = pending.Decision;
            if (decision.Sum <= result.Available[decision.Place - 1])
            {
                _taken[decision.Place - 1] = decision.Sum; // they come by rising sums
            }
        }
        foreach (var pending in checks)
        {
            if (pending.Decision.Place == 0)
            {
                written.Add(pending);
                continue;
            }
            var available = result.Available[pending.Decision.Place - 1];
            if (available < 0)
            {
                postponed.Add(pending);
                continue;
            }
            pending.Decision = Granted(pending.Decision, available, _taken[pending.Decision.Place - 1]);
            written.Add(pending);
        }
        _firstUses.RemoveAll(pending => pending.Decision.Failure != FailureCode.None || postponed.Contains(pending));
        _laterUses.RemoveAll(pending => pending.Decision.Failure != FailureCode.None || postponed.Contains(pending));
    }

    /// <summary>
    /// Remembers which uses of keys are on record, once they are: those that the statements noted, and no others, or a key
    /// that is called all the time would never be noted again.
    /// </summary>
    public void NoteUses()
    {
        foreach (var pending in _firstUses.Concat(_laterUses))
        {
            pending.Facts!.Key!.NoteUse(_now);
        }
    }

    /// <summary>Ids of the counters in <paramref name="result"/> on which reservations have expired.</summary>
    public List<int> Unsettled(CommitResult result) =>
        [.. _counterIds.Where((_, i) => result.Available[i] == LedgerSql.Unsettled)];

    private async Task<CommitResult> ExecuteAsync(NpgsqlConnection connection, long version, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        var command = batch.Add(_calls.HasTexts ? LedgerSql.CommitBatchWithTexts : LedgerSql.CommitBatch)
            .With(version, NpgsqlDbType.Bigint)
            .With(_now.UtcDateTime, NpgsqlDbType.TimestampTz)
            .WithInts(_counterIds)
            .WithInstants(_lastResets);
        _calls.Bind(command, _wanted);
        AddReservations(batch);
        AddUses(batch, GateSql.NoteFirstUse, _firstUses);
        AddUses(batch, GateSql.NoteLastUse, _laterUses);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        var result = new CommitResult(
            reader.GetInt64(0), reader.IsDBNull(1) ? [] : reader.GetFieldValue<long[]>(1), reader.GetInt64(2));
        while (await reader.NextResultAsync(ct))
        {
            // A later statement that failed would throw here.
        }
        return result;
    }

    private void Clear()
    {
        _takers.Clear();
        _counterIds.Clear();
        _lastResets.Clear();
        _wanted.Clear();
        _taken.Clear();
        _calls.Clear();
        _reserving.Clear();
        _firstUses.Clear();
        _laterUses.Clear();
    }

    /// <summary>Sorts out what a check that may pass needs. Returns what is left if that is known already.</summary>
    private long Admit(PendingCheck pending)
    {
        var key = pending.Facts!.Key!;
        if (key.IsUseDue(_now))
        {
            (key.IsUnused ? _firstUses : _laterUses).Add(pending);
        }
        if (pending.Check.Kind == CheckKind.Validate)
        {
            return 0;
        }
        if (pending.Check.Kind == CheckKind.Reserve)
        {
            _reserving.Add(pending);
        }
        // A reservation refers to its counter, so that this must not go away meanwhile.
        if (pending.Facts.Counter!.Max != Quota.Unlimited || pending.Check.Kind == CheckKind.Reserve)
        {
            _takers.Add(pending);
        }
        return pending.Facts.Counter.Max == Quota.Unlimited ? Quota.Unlimited : 0;
    }

    private void PlaceTakers()
    {
        Sort(_takers);
        var sum = 0L;
        foreach (var pending in _takers)
        {
            var counter = pending.Facts!.Counter!;
            if (_counterIds.Count == 0 || _counterIds[^1] != counter.Id)
            {
                _counterIds.Add(counter.Id);
                _lastResets.Add(counter.Schedule.Advance(_now).LastReset.UtcDateTime);
                _wanted.Add(0);
                _taken.Add(0);
                sum = 0;
            }
            var units = counter.Max == Quota.Unlimited ? 0 : pending.Check.Quantity;
            sum += units;
            _wanted[^1] = sum;
            pending.Decision = pending.Decision with { Units = units, Place = _counterIds.Count, Sum = sum };
            if (pending.Check.Kind == CheckKind.Reserve)
            {
                pending.Decision = pending.Decision with
                {
                    Reservation = new Reservation(Guid.CreateVersion7(_now), _now + pending.Check.TimeToLive),
                };
            }
        }
    }

    /// <summary>By counter, then by quantity; those that are equal stay in the order they came.</summary>
    private static void Sort(List<PendingCheck> takers)
    {
        for (var i = 1; i < takers.Count; i++)
        {
            if (Compare(takers[i - 1], takers[i]) > 0)
            {
                var sorted = takers.Order(Comparer<PendingCheck>.Create(Compare)).ToList(); // stable
                takers.Clear();
                takers.AddRange(sorted);
                return;
            }
        }
    }

    private static int Compare(PendingCheck a, PendingCheck b)
    {
        var byCounter = a.Facts!.Counter!.Id.CompareTo(b.Facts!.Counter!.Id);
        return byCounter != 0 ? byCounter : a.Check.Quantity.CompareTo(b.Check.Quantity);
    }

    private static Decision Granted(Decision decision, long available, long taken)
    {
        var isGranted = decision.Sum <= available;
        return decision with
        {
            Failure = isGranted ? FailureCode.None : FailureCode.QuotaExceeded,
            Units = isGranted ? decision.Units : 0,
            Reservation = isGranted ? decision.Reservation : null,
            Available = available == LedgerSql.Endless ? Quota.Unlimited : available - (isGranted ? decision.Sum : taken),
        };
    }

    private void AddReservations(NpgsqlBatch batch)
    {
        if (_reserving.Count > 0)
        {
            batch.Add(GateSql.Reserve)
                .WithUuids(_reserving.ConvertAll(pending => pending.Decision.Reservation!.Value.Id))
                .WithInts(_reserving.ConvertAll(pending => pending.Facts!.Counter!.Id))
                .WithUuids(_reserving.ConvertAll(pending => pending.Decision.RequestId))
                .WithLongs(_reserving.ConvertAll(pending => pending.Check.Quantity))
                .WithInstants(_reserving.ConvertAll(pending => pending.Decision.Reservation!.Value.ExpiresAt.UtcDateTime));
        }
    }

    private void AddUses(NpgsqlBatch batch, string sql, List<PendingCheck> uses)
    {
        if (uses.Count > 0)
        {
            batch.Add(sql)
                .WithInts(uses.ConvertAll(pending => pending.Facts!.Key!.Id))
                .WithUuids(uses.ConvertAll(pending => pending.Decision.RequestId))
                .With(_now.UtcDateTime, NpgsqlDbType.TimestampTz);
        }
    }
}
