using Npgsql;
using NpgsqlTypes;

namespace Pandora.Core.Gate;

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
/// its row does; the row goes with the next check that needs its counter.
/// </summary>
internal sealed class Reservations(GateDataSource database, TimeProvider time)
{
    /// <summary>Confirms it: what it took stays taken.</summary>
    /// <param name="used">Units really used; the others go back. Null: all.</param>
    public async Task<ReservationOutcome> CommitAsync(Guid id, long? used, CancellationToken ct)
    {
        if (used is { } units)
        {
            return await EndAsync(id, units, ct);
        }
        await using var command = database.Reports.CreateCommand(GateSql.ConfirmReservation);
        Bind(command, id);
        return await command.ExecuteNonQueryAsync(ct) == 1 ? ReservationOutcome.Done : ReservationOutcome.NotFound;
    }

    /// <summary>Gives everything back.</summary>
    public Task<ReservationOutcome> RollbackAsync(Guid id, CancellationToken ct) => EndAsync(id, 0, ct);

    /// <summary>Gives back what has expired on counters; afterwards they know when to look again.</summary>
    public static async Task SettleExpiredAsync(
        NpgsqlConnection connection, List<int> counters, DateTimeOffset now, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(GateSql.LockCounters).WithInts(counters);
        batch.Add(GateSql.SettleExpired).WithInts(counters).With(now.UtcDateTime, NpgsqlDbType.TimestampTz);
        await batch.ExecuteNonQueryAsync(ct);
    }

    private async Task<ReservationOutcome> EndAsync(Guid id, long used, CancellationToken ct)
    {
        await using var end = database.Reports.CreateCommand(GateSql.EndReservation);
        Bind(end, id);
        end.Parameters.Add(new NpgsqlParameter<long> { TypedValue = used });
        if ((bool)(await end.ExecuteScalarAsync(ct))!)
        {
            return ReservationOutcome.Done;
        }
        if (used == 0)
        {
            return ReservationOutcome.NotFound;
        }
        await using var find = database.Reports.CreateCommand(GateSql.FindReservation);
        Bind(find, id);
        return (bool)(await find.ExecuteScalarAsync(ct))! ? ReservationOutcome.TooMuch : ReservationOutcome.NotFound;
    }

    private void Bind(NpgsqlCommand command, Guid id)
    {
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = id });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = time.GetUtcNow().UtcDateTime });
    }
}
