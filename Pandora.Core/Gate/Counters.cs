using Npgsql;
using Pandora.Core.Quotas;

namespace Pandora.Core.Gate;

/// <summary>Names a counter: one service on one environment.</summary>
internal readonly record struct CounterKey(int EnvironmentId, int ServiceId);

/// <summary>
/// The counters that a batch holds locked, as they will be written: resets that were due are already in them, and every
/// request taken is already gone.
/// </summary>
internal sealed class Counters
{
    private readonly SortedDictionary<CounterKey, Counter> _counters = new(
        Comparer<CounterKey>.Create((a, b) => (a.EnvironmentId, a.ServiceId).CompareTo((b.EnvironmentId, b.ServiceId))));

    private readonly Dictionary<(int ProjectId, int ServiceId), ResetSchedule> _resets = [];

    /// <summary>Forgets the last batch.</summary>
    public void Clear()
    {
        _counters.Clear();
        _resets.Clear();
    }

    /// <summary>Locks what <paramref name="candidates"/> may take from, and applies resets due at <paramref name="now"/>.</summary>
    public async Task LockAsync(
        NpgsqlConnection connection, IEnumerable<Decision> candidates, DateTimeOffset now, CancellationToken ct)
    {
        Clear();
        var wanted = new HashSet<CounterKey>();
        var due = new HashSet<(int ProjectId, int ServiceId)>();
        foreach (var facts in candidates.Select(candidate => candidate.Facts))
        {
            wanted.Add(KeyOf(facts));
            if (facts.Schedule!.Value.IsDue(now))
            {
                due.Add((facts.Key!.Owner.Project.Id, facts.Service!.Id));
            }
        }

        await using var batch = new NpgsqlBatch(connection);
        var (environments, services) = (wanted.Select(key => key.EnvironmentId).ToList(), wanted.Select(key => key.ServiceId).ToList());
        if (due.Count == 0)
        {
            batch.Add(GateSql.LockCounters).WithInts(environments).WithInts(services);
        }
        else
        {
            var (projects, dueServices) = (due.Select(pair => pair.ProjectId).ToList(), due.Select(pair => pair.ServiceId).ToList());
            batch.Add(GateSql.LockSchedules).WithInts(projects).WithInts(dueServices);
            batch.Add(GateSql.LockCountersAndResets)
                .WithInts(environments).WithInts(services).WithInts(projects).WithInts(dueServices);
        }
        await using var reader = await batch.ExecuteReaderAsync(ct);
        if (due.Count > 0)
        {
            await ReadSchedulesAsync(reader, now, ct);
            await reader.NextResultAsync(ct);
        }
        await ReadCountersAsync(reader, ct);
    }

    /// <summary>Takes one request. Null: the counter is gone. -1: unlimited. Else what is left, or no success.</summary>
    public (bool Taken, long Left)? Take(CounterKey key)
    {
        if (!_counters.TryGetValue(key, out var counter))
        {
            return null;
        }
        if (counter.Max == Quota.Unlimited)
        {
            return (true, Quota.Unlimited);
        }
        if (counter.Available == 0)
        {
            return (false, 0);
        }
        counter.Available--;
        counter.IsChanged = true;
        return (true, counter.Available);
    }

    /// <summary>Gives requests back, at most up to the maximum; unlimited counters and such as are gone take none.</summary>
    public void Return(CounterKey key, long requests)
    {
        if (_counters.TryGetValue(key, out var counter) && counter.Max != Quota.Unlimited)
        {
            counter.Available = Math.Min(counter.Max, counter.Available + requests);
            counter.IsChanged = true;
        }
    }

    /// <summary>Adds the statements that write what has changed.</summary>
    public void Write(NpgsqlBatch batch)
    {
        if (_resets.Count > 0)
        {
            batch.Add(GateSql.WriteSchedules)
                .WithInts(_resets.Keys.Select(key => key.ProjectId).ToList())
                .WithInts(_resets.Keys.Select(key => key.ServiceId).ToList())
                .WithInstants(_resets.Values.Select(schedule => schedule.NextReset.UtcDateTime).ToList());
        }
        var changed = _counters.Where(pair => pair.Value.IsChanged).ToList();
        if (changed.Count > 0)
        {
            batch.Add(GateSql.WriteCounters)
                .WithInts(changed.Select(pair => pair.Key.EnvironmentId).ToList())
                .WithInts(changed.Select(pair => pair.Key.ServiceId).ToList())
                .WithLongs(changed.Select(pair => pair.Value.Available).ToList());
        }
    }

    public static CounterKey KeyOf(Facts facts) => new(facts.Key!.Owner.Environment.Id, facts.Service!.Id);

    // Only now, with the row locked, is it certain that no other node has applied the reset meanwhile.
    private async Task ReadSchedulesAsync(NpgsqlDataReader reader, DateTimeOffset now, CancellationToken ct)
    {
        while (await reader.ReadAsync(ct))
        {
            var schedule = KeyDirectory.ScheduleAt(reader, 2);
            if (schedule.IsDue(now))
            {
                _resets.Add((reader.GetInt32(0), reader.GetInt32(1)), schedule.Advance(now));
            }
        }
    }

    private async Task ReadCountersAsync(NpgsqlDataReader reader, CancellationToken ct)
    {
        while (await reader.ReadAsync(ct))
        {
            var key = new CounterKey(reader.GetInt32(0), reader.GetInt32(1));
            var counter = new Counter(reader.GetInt64(3)) { Available = reader.GetInt64(4) };
            if (_resets.ContainsKey((reader.GetInt32(2), key.ServiceId)) && counter.Available != counter.Max)
            {
                counter.Available = counter.Max;
                counter.IsChanged = true;
            }
            _counters.Add(key, counter);
        }
    }

    private sealed class Counter(long max)
    {
        public long Max => max;

        public long Available { get; set; }

        public bool IsChanged { get; set; }
    }
}
