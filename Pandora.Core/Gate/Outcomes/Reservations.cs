using Npgsql;
using NpgsqlTypes;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Gate.Outcomes;

/// <summary>How an attempt to end a reservation went.</summary>
internal enum ReservationOutcome
{
    Done,

    /// <summary>Unknown, ended before, or expired; nothing has changed.</summary>
    NotFound,

    /// <summary>More was used than reserved; nothing has changed.</summary>
    TooMuch,
}

/// <summary>
/// Ends reservations: confirmed, given back, or expired. From its expiry on a reservation does not exist, whether or not
/// its row does; the row goes with the next check that needs its counter, or by <see cref="ReservationSweep"/>.
/// </summary>
internal sealed class Reservations
{
    private readonly NpgsqlDataSource _database;
    private readonly TimeProvider _time;
    private readonly CallBatcher<End, ReservationOutcome> _groups;

    public Reservations(
        [FromKeyedServices(GateSetup.ReportsDatabase)] NpgsqlDataSource database,
        TimeProvider time,
        NodeMeters meters,
        ILogger<Reservations> logger)
    {
        _database = database;
        _time = time;
        _groups = new CallBatcher<End, ReservationOutcome>(EndAsync, logger);
        meters.ShowSettlements(() => _groups.Count);
    }

    /// <summary>Confirms it: what it took stays taken.</summary>
    /// <param name="used">Units really used; the others go back. Null: all.</param>
    /// <exception cref="GateUnavailableException">It may have ended all the same.</exception>
    public ValueTask<ReservationOutcome> CommitAsync(Guid id, long? used, CancellationToken ct) =>
        _groups.RunAsync(id, new End(id, used), ct);

    /// <summary>Gives everything back.</summary>
    /// <exception cref="GateUnavailableException">It may have ended all the same.</exception>
    public ValueTask<ReservationOutcome> RollbackAsync(Guid id, CancellationToken ct) =>
        _groups.RunAsync(id, new End(id, 0), ct);

    /// <summary>
    /// Gives back what has expired on counters, at most <paramref name="most"/> reservations of each, so that nobody waits for
    /// long; afterwards they know when to look again.
    /// </summary>
    /// <param name="most">1..500; the units of more might be too many for one number.</param>
    /// <returns>Whether more have expired.</returns>
    public static async Task<bool> SettleExpiredAsync(
        NpgsqlConnection connection, List<int> counters, DateTimeOffset now, int most, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(GateSql.LockCounters).WithInts(counters);
        batch.Add(GateSql.SettleExpired)
            .WithInts(counters)
            .With(now.UtcDateTime, NpgsqlDbType.TimestampTz)
            .With(most, NpgsqlDbType.Integer);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.NextResultAsync(ct); // the locks have a result too
        await reader.ReadAsync(ct);
        return reader.GetBoolean(0);
    }

    private async Task<ReservationOutcome[]> EndAsync(List<End> ends, CancellationToken ct)
    {
        var now = _time.GetUtcNow().UtcDateTime;
        await using var connection = await _database.OpenConnectionAsync(ct);
        await using var batch = new NpgsqlBatch(connection);
        // Counters are locked before reservations, so those that give units back come first.
        if (ends.FindAll(end => end.Used is not null) is { Count: > 0 } givingBack)
        {
            batch.Add(GateSql.EndReservations)
                .WithUuids(givingBack.ConvertAll(end => end.Id))
                .With(now, NpgsqlDbType.TimestampTz)
                .WithLongs(givingBack.ConvertAll(end => end.Used!.Value));
        }
        if (ends.FindAll(end => end.Used is null) is { Count: > 0 } confirmed)
        {
            batch.Add(GateSql.ConfirmReservations)
                .WithUuids(confirmed.ConvertAll(end => end.Id))
                .With(now, NpgsqlDbType.TimestampTz);
        }
        var ending = batch.BatchCommands.Count;
        if (ends.FindAll(end => end.Used > 0) is { Count: > 0 } partial)
        {
            // In the same transaction: after a fault behind its commit the group would be tried again, and find nothing.
            batch.Add(GateSql.FindReservations)
                .WithUuids(partial.ConvertAll(end => end.Id))
                .With(now, NpgsqlDbType.TimestampTz);
        }

        var (ended, found) = (new HashSet<Guid>(), new HashSet<Guid>());
        await using var reader = await batch.ExecuteReaderAsync(ct);
        for (var result = 0; result < batch.BatchCommands.Count; result++)
        {
            var ids = result < ending ? ended : found;
            while (await reader.ReadAsync(ct))
            {
                ids.Add(reader.GetGuid(0));
            }
            await reader.NextResultAsync(ct);
        }
        return [.. ends.Select(end =>
            ended.Contains(end.Id) ? ReservationOutcome.Done
            : found.Contains(end.Id) ? ReservationOutcome.TooMuch
            : ReservationOutcome.NotFound)];
    }

    /// <param name="Used">Units that stay taken. Null: all, so that its counter need not be touched.</param>
    private sealed record End(Guid Id, long? Used);
}
