using Microsoft.EntityFrameworkCore;
using Pandora.Core.Persistence;

namespace Pandora.Core.Quotas;

/// <summary>
/// Counters as they are at a moment. Neither a reset nor the end of a reservation is written when it happens: readers add
/// it to what is stored, and a writer writes it down first, so that what follows counts from the state that readers saw.
/// The gate does the same, in SQL of its own.
/// </summary>
internal static class Counters
{
    /// <summary>Reads environments, untracked, with their counters as <see cref="QuotaAt"/> needs them.</summary>
    /// <remarks>
    /// One statement for all, so that counters and schedules are of one moment. Its only collection is that of the counters: a
    /// second one would be joined to it, each row with each.
    /// </remarks>
    public static IQueryable<EnvironmentRow> WithCountersAt(
        this IQueryable<EnvironmentRow> environments, PandoraDb db, DateTimeOffset now) =>
        environments
            .AsNoTracking()
            .AsSingleQuery()
            .Select(environment => Complete(
                environment,
                environment.Services
                    .Select(counter => new CounterParts(
                        counter,
                        counter.ProjectService!,
                        counter.ProjectService!.Service!,
                        counter.FirstExpiry <= now
                            ? db.Reservations
                                .Where(reservation => reservation.CounterId == counter.Id && reservation.ExpiresAt <= now)
                                .Sum(reservation => reservation.Units)
                            : 0))
                    .ToList()));

    /// <summary>
    /// Locks one counter, writes down what time has done to it, and returns it tracked. Null: the environment does not
    /// hold the service. The project service must be locked already.
    /// </summary>
    public static async Task<EnvironmentServiceRow?> LockCounterAsync(
        this PandoraDb db, int environmentId, int serviceId, DateTimeOffset now, CancellationToken ct)
    {
        var counter = await db.LockEnvironmentServiceAsync(environmentId, serviceId, ct);
        if (counter?.FirstExpiry <= now)
        {
            counter.EndedUnits = (await db.EndReservationsAsync(counter.Id, now, ct)).Single();
            counter.FirstExpiry = await db.Reservations
                .Where(reservation => reservation.CounterId == counter.Id)
                .MinAsync(reservation => (DateTimeOffset?)reservation.ExpiresAt, ct);
        }
        counter?.Settle(now);
        return counter;
    }

    /// <summary>Removes reservations that have ended; their log rows no longer say that they took anything.</summary>
    /// <returns>One number: the units that they held.</returns>
    private static Task<List<long>> EndReservationsAsync(
        this PandoraDb db, int counterId, DateTimeOffset now, CancellationToken ct) =>
        db.Database
            .SqlQuery<long>(
                $"""
                WITH expired AS MATERIALIZED (
                    SELECT id FROM reservation WHERE counter_id = {counterId} AND expires_at <= {now} ORDER BY uuid_send(id) FOR UPDATE
                ), ended AS (
                    DELETE FROM reservation USING expired WHERE reservation.id = ANY (ARRAY[expired.id]) RETURNING request_id, units
                ), logged AS (
                    UPDATE request SET units = 0
                      FROM (SELECT request_id FROM ended ORDER BY request_id) AS given
                     WHERE request.id = ANY (ARRAY[given.request_id])
                )
                SELECT coalesce(sum(units), 0)::bigint AS "Value" FROM ended
                """)
            .ToListAsync(ct);

    extension(EnvironmentServiceRow row)
    {
        /// <summary>As the books have it, without what time has done to it; see <see cref="QuotaAt"/> and <see cref="Settle"/>.</summary>
        public Quota Quota
        {
            get => new(row.MaxRequests, row.MaxRequests == Quota.Unlimited ? Quota.Unlimited : row.GrantedUnits - row.ConsumedUnits);
            set
            {
                row.MaxRequests = value.Max;
                if (value.Max != Quota.Unlimited)
                {
                    row.GrantedUnits = row.ConsumedUnits + value.Available;
                }
            }
        }

        /// <summary>
        /// The quota as it is at <paramref name="now"/>: with the resets of its project service, and with what came back from
        /// reservations if <see cref="EnvironmentServiceRow.EndedUnits"/> is known.
        /// </summary>
        public Quota QuotaAt(DateTimeOffset now) =>
            row.CountedSince < row.ProjectService!.ScheduleAt(now).LastReset
                ? Quota.Full(row.MaxRequests)
                : row.Quota.GiveBack(row.EndedUnits);

        /// <summary>Writes down what time has done until <paramref name="now"/>; the rows of what has ended must be gone.</summary>
        public void Settle(DateTimeOffset now)
        {
            var quota = row.QuotaAt(now);
            (row.ConsumedUnits, row.EndedUnits) = (row.ConsumedUnits - row.EndedUnits, 0);
            row.Quota = quota;
            // A node with a faster clock may have seen a later reset.
            var lastReset = row.ProjectService!.ScheduleAt(now).LastReset;
            row.CountedSince = lastReset > row.CountedSince ? lastReset : row.CountedSince;
        }
    }

    private static EnvironmentRow Complete(EnvironmentRow environment, List<CounterParts> counters)
    {
        foreach (var (counter, assignment, service, endedUnits) in counters)
        {
            assignment.Service = service;
            counter.ProjectService = assignment;
            counter.EndedUnits = endedUnits;
            environment.Services.Add(counter);
        }
        return environment;
    }

    /// <summary>A counter, and what is read with it.</summary>
    private sealed record CounterParts(EnvironmentServiceRow Counter, ProjectServiceRow Assignment, ServiceRow Service, long EndedUnits);
}
