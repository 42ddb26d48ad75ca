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
    /// <summary>
    /// 2^61. Totals are kept within it from reset to reset, so that no number of resets makes them overflow. Only their
    /// difference counts.
    /// </summary>
    public const long TotalsWrapAt = 1L << 61;

    // About a second's work.
    private const int MostEndedAtOnce = 20_000;

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
                                .Where(reservation =>
                                    reservation.CounterId == counter.Id
                                    && reservation.ExpiresAt <= now
                                    && reservation.ExpiresAt > counter.CountedSince)
                                .Sum(reservation => reservation.Units)
                            : 0))
                    .ToList()));

    /// <summary>Writes down what time has done to a counter. It and its project service must be locked already.</summary>
    /// <exception cref="TimeoutException">
    /// More reservations have ended at once than can be settled here; it is being done, and then the call succeeds.
    /// </exception>
    public static async Task SettleAsync(this PandoraDb db, EnvironmentServiceRow counter, DateTimeOffset now, CancellationToken ct)
    {
        if (counter.FirstExpiry <= now)
        {
            var ended = (await db.EndReservationsAsync(counter, now, ct)).Single();
            if (ended[0] > MostEndedAtOnce)
            {
                throw new TimeoutException("Too many reservations have ended at once.");
            }
            var available = Math.Max(0, counter.Quota.Available);
            counter.ConsumedUnits = (counter.ConsumedUnits - ended[1]) % TotalsWrapAt;
            counter.GrantedUnits = counter.ConsumedUnits + available;
            counter.EndedUnits = ended[2];
            counter.IsSettling = false;
            counter.FirstExpiry = await db.Reservations
                .Where(reservation => reservation.CounterId == counter.Id)
                .MinAsync(reservation => (DateTimeOffset?)reservation.ExpiresAt, ct);
        }
        counter.Settle(now);
    }

    /// <summary>Removes reservations that have ended; their log rows no longer say that they took anything.</summary>
    /// <returns>
    /// How many there were, the units that they held (their total may have wrapped around), and those of them that come
    /// back: a reset after the end of a reservation has given them already.
    /// </returns>
    private static Task<List<long[]>> EndReservationsAsync(
        this PandoraDb db, EnvironmentServiceRow counter, DateTimeOffset now, CancellationToken ct) =>
        db.Database
            .SqlQuery<long[]>(
                $"""
                WITH expired AS MATERIALIZED (
                    SELECT id FROM reservation
                     WHERE id IN (SELECT id FROM reservation WHERE counter_id = {counter.Id} AND expires_at <= {now} LIMIT {MostEndedAtOnce + 1})
                     ORDER BY uuid_send(id) FOR UPDATE
                ), ended AS (
                    DELETE FROM reservation USING expired WHERE reservation.id = ANY (ARRAY[expired.id]) RETURNING request_id, units, expires_at
                ), logged AS (
                    UPDATE request SET units = 0
                      FROM (SELECT request_id FROM ended WHERE units > 0 ORDER BY request_id) AS given
                     WHERE request.id = ANY (ARRAY[given.request_id])
                )
                SELECT ARRAY[
                           count(*),
                           coalesce(sum(units) % {TotalsWrapAt}, 0),
                           least(coalesce(sum(units) FILTER (WHERE expires_at > {counter.CountedSince}), 0), {Quota.Largest})]::bigint[] AS "Value"
                  FROM ended
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
            row.ProjectService!.ScheduleAt(now).IsBehind(row.CountedSince, now)
                ? Quota.Full(row.MaxRequests)
                : row.Quota.GiveBack(row.EndedUnits);

        /// <summary>
        /// Fills up the counter out of turn. What ended before gives back no more: with its rows a part of the total goes, and
        /// nothing of what is available.
        /// </summary>
        public void FillUp(DateTimeOffset now)
        {
            row.Settle(now);
            row.Quota = Quota.Full(row.MaxRequests);
            row.CountedSince = now > row.CountedSince ? now : row.CountedSince;
        }

        private void Settle(DateTimeOffset now)
        {
            var quota = row.QuotaAt(now);
            (row.ConsumedUnits, row.EndedUnits) = (row.ConsumedUnits % TotalsWrapAt, 0);
            row.GrantedUnits = row.ConsumedUnits;
            row.Quota = quota;
            var schedule = row.ProjectService!.ScheduleAt(now);
            if (schedule.IsBehind(row.CountedSince, now))
            {
                row.CountedSince = schedule.LastReset;
            }
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
