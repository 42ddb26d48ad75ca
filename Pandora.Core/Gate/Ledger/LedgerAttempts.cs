using System.Diagnostics;
using Npgsql;
using Pandora.Core.Errors;
using Pandora.Core.Gate.Cache;
using Pandora.Core.Gate.Idempotency;
using Pandora.Core.Gate.Outcomes;
using Pandora.Core.Persistence;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Gate.Ledger;

/// <summary>
/// Attempts to commit checks of one lane: look up what is missing, decide, commit, answer. Each attempt returns the checks
/// that could not be decided yet; what fails is for the <see cref="LedgerWriter"/> to judge.
/// </summary>
internal sealed class LedgerAttempts(
    LaneQueue lane, LaneConnection laneConnection, InDoubtCommits inDoubt, KeyCache cache, UnknownKeyLog unknownKeys, TimeProvider time, NodeMeters meters)
{
    // Of what a batch settles for its own checks; the rest is left to the sweep and to later batches.
    private const int MostSettledAtOnce = 200;

    private readonly LedgerBatch _batch = new();
    private readonly AnswerTally _tally = new(meters);

    /// <summary>For checks without idempotency keys.</summary>
    public async Task<List<PendingCheck>> CommitAsync(List<PendingCheck> checks, CancellationToken ct)
    {
        using var span = StartSpan(checks);
        var connection = await laneConnection.OpenAsync(ct);
        var version = await laneConnection.InTime(PrepareAsync(connection, checks, ct), ct);
        checks.RemoveAll(check => !check.IsOpen);
        var now = time.Now();
        foreach (var check in checks)
        {
            await unknownKeys.AdmitAsync(check, now, ct);
        }
        _batch.Decide(checks, now);
        var started = Stopwatch.GetTimestamp();
        CommitResult result;
        try
        {
            result = await laneConnection.InTime(_batch.CommitAsync(connection, KeyCache.Stored(version), ct), ct);
        }
        catch (Exception e) when (!DatabaseFaults.IsRefusal(e))
        {
            inDoubt.Add(checks, laneConnection.Server);
            throw;
        }
        if (result.Version != KeyCache.Stored(version))
        {
            meters.DecidedAgain(ReasonToDecideAgain(result));
            await laneConnection.InTime(KeyFactsReader.CatchUpAsync(connection, cache, ct), ct);
            return checks;
        }
        meters.Committed(checks.Count, result.Resets, Stopwatch.GetElapsedTime(started));
        var (written, postponed) = Complete(checks, result);
        _batch.NoteUses();
        span?.Stop(); // before the spans of its calls end
        Answer(written, now);
        if (postponed.Count > 0 && !await MakeWayAsync(connection, result, now, ct))
        {
            postponed.ForEach(lane.Add); // to the end of their lines
            return [];
        }
        return postponed;
    }

    /// <summary>
    /// For checks with idempotency keys: in a transaction that finds or remembers their answers.
    /// </summary>
    public async Task<List<PendingCheck>> CommitIdempotentAsync(List<PendingCheck> checks, CancellationToken ct)
    {
        using var span = StartSpan(checks);
        var connection = await laneConnection.OpenAsync(ct);
        var version = await laneConnection.InTime(PrepareAsync(connection, checks, ct), ct);
        var now = time.Now();
        var (current, replays) = await laneConnection.InTime(IdempotencyStore.BeginAsync(connection, checks, now, ct), ct);
        if (current != KeyCache.Stored(version))
        {
            return await BeginAnewAsync(connection, checks, "directory", ct);
        }
        var fresh = await FreshOfAsync(checks, replays, now, ct);
        var result = default(CommitResult);
        var started = 0L;
        List<PendingCheck> written = [];
        List<PendingCheck> postponed = [];
        if (fresh.Count > 0)
        {
            started = Stopwatch.GetTimestamp();
            _batch.Decide(fresh, now);
            result = await laneConnection.InTime(_batch.CommitAsync(connection, KeyCache.Stored(version), ct), ct);
            if (result.Version != KeyCache.Stored(version))
            {
                return await BeginAnewAsync(connection, checks, ReasonToDecideAgain(result), ct);
            }
            (written, postponed) = Complete(fresh, result);
        }
        try
        {
            await laneConnection.InTime(IdempotencyStore.CommitAsync(connection, written.FindAll(check => check.IsRemembered), now, ct), ct);
        }
        catch (Exception e) when (!DatabaseFaults.IsRefusal(e))
        {
            inDoubt.Add(written, laneConnection.Server);
            throw;
        }
        if (written.Count > 0)
        {
            meters.Committed(written.Count, result.Resets, Stopwatch.GetElapsedTime(started));
            _batch.NoteUses();
        }
        span?.Stop(); // before the spans of its calls end
        IdempotencyStore.Deliver(replays, meters);
        Answer(written, now);
        if (postponed.Count > 0 && !await MakeWayAsync(connection, result, now, ct))
        {
            postponed.ForEach(lane.Add); // to the end of their lines
            return checks.FindAll(check => !postponed.Contains(check));
        }
        return checks;
    }

    /// <summary>
    /// The checks that are to be decided now. Of those of one name whose answer is to be remembered it is one; the others find
    /// its answer in the next attempt.
    /// </summary>
    /// <param name="replays">Loses those that are decided anew.</param>
    private async Task<List<PendingCheck>> FreshOfAsync(
        List<PendingCheck> checks, Dictionary<PendingCheck, CheckAnswer?> replays, DateTimeOffset now, CancellationToken ct)
    {
        var fresh = new List<PendingCheck>(checks.Count);
        var names = new HashSet<UInt128>();
        foreach (var check in checks)
        {
            // What a key was allowed once is not allowed for ever: who would be refused today is refused anew.
            var failure = Verdict.Decide(check.Facts!, now);
            check.IsRemembered = !replays.TryGetValue(check, out var first)
                || first is null
                || failure == FailureCode.None
                || failure == first.Failure;
            if (!check.IsRemembered)
            {
                replays.Remove(check);
            }
            if (replays.ContainsKey(check) || names.Contains(check.IdempotencyKey!.Key))
            {
                continue;
            }
            await unknownKeys.AdmitAsync(check, now, ct); // only here: a replay needs no row
            check.IsRemembered &= check.HasRow; // an answer is remembered with its row
            if (check.IsRemembered)
            {
                names.Add(check.IdempotencyKey.Key);
            }
            fresh.Add(check);
        }
        return fresh;
    }

    private async Task<List<PendingCheck>> BeginAnewAsync(
        NpgsqlConnection connection, List<PendingCheck> checks, string reason, CancellationToken ct)
    {
        meters.DecidedAgain(reason);
        await laneConnection.InTime(IdempotencyStore.RollbackAsync(connection, ct), ct);
        await laneConnection.InTime(KeyFactsReader.CatchUpAsync(connection, cache, ct), ct);
        return checks;
    }

    private static string ReasonToDecideAgain(CommitResult result) => result == CommitResult.Outrun ? "counter" : "directory";

    private static Activity? StartSpan(List<PendingCheck> checks)
    {
        List<Activity>? calls = null;
        foreach (var check in checks)
        {
            if (check.Call is { } call)
            {
                (calls ??= []).Add(call);
            }
        }
        return calls is null ? null : CallWatch.StartBatch(calls, checks.Count);
    }

    /// <summary>Gives every check facts that are current at the version it returns.</summary>
    private async Task<long> PrepareAsync(NpgsqlConnection connection, List<PendingCheck> checks, CancellationToken ct)
    {
        var misses = 0;
        while (true)
        {
            var version = cache.Version;
            HashSet<LookUpKey>? missing = null;
            foreach (var check in checks)
            {
                if (check.Facts is null || !cache.IsCurrent(check.Facts, version))
                {
                    check.Facts = cache.Find(check.LookUp);
                    if (check.Facts is null || !cache.IsCurrent(check.Facts, version))
                    {
                        (missing ??= []).Add(check.LookUp);
                        misses++;
                    }
                }
            }
            if (missing is null && version >= cache.Origin)
            {
                misses = Math.Min(misses, checks.Count);
                meters.LookedUp(checks.Count - misses, misses);
                return version;
            }
            if (missing is not null)
            {
                await KeyFactsReader.LoadAsync(connection, cache, [.. missing], ct);
            }
            if (missing is null || missing.Any(key => cache.Find(key)?.LoadedAt > version))
            {
                await KeyFactsReader.CatchUpAsync(connection, cache, ct);
            }
        }
    }

    private (List<PendingCheck> Written, List<PendingCheck> Postponed) Complete(List<PendingCheck> checks, CommitResult result)
    {
        var (written, postponed) = (new List<PendingCheck>(checks.Count), new List<PendingCheck>());
        _batch.Complete(checks, result, written, postponed);
        return (written, postponed);
    }

    /// <summary>Removes what kept checks from being decided. False: only a part of it, and they would keep the others waiting.</summary>
    private async Task<bool> MakeWayAsync(NpgsqlConnection connection, CommitResult result, DateTimeOffset now, CancellationToken ct)
    {
        meters.DecidedAgain("counter");
        var isLeft = _batch.Unsettled(result) is { Count: > 0 } counters
            && await laneConnection.InTime(Reservations.SettleExpiredAsync(connection, counters, now, MostSettledAtOnce, ct), ct);
        await laneConnection.InTime(KeyFactsReader.CatchUpAsync(connection, cache, ct), ct);
        return !isLeft;
    }

    private void Answer(List<PendingCheck> checks, DateTimeOffset now)
    {
        var unheard = checks.FindAll(check => !check.TryClaim());
        if (unheard.Count > 0)
        {
            checks.RemoveAll(unheard.Contains);
            inDoubt.Add(unheard, server: null);
        }
        _tally.Add(checks);
        AnswerDelivery.Deliver(checks, check => check.AnswerAt(now));
    }
}
