namespace Pandora.Core.Gate;

/// <summary>
/// The statements that end calls, reservations and connections. Counters are always locked by their id, after the records
/// and project services that <c>Quotas.QuotaLocks</c> names; then come reservations, log rows and API keys, each kind by
/// id too.
/// <para>
/// Rows are joined by <c>id = ANY (ARRAY[x])</c> and not by <c>id = x</c>. It says the same, but leaves the planner nothing
/// but to look each up in the index. With the other, a plan made while a table or partition is empty may read all of it,
/// and go on so when it has filled. For the same reason one order is by <c>uuid_send(id)</c>, which is that of the ids.
/// </para>
/// </summary>
internal static class GateSql
{
    public const string Begin = "BEGIN";

    public const string Commit = "COMMIT";

    public const string Rollback = "ROLLBACK";

    /// <summary>
    /// Gives <c>back.units</c> back to a counter, up to its maximum. Totals wrap around at 2^61 rather than overflow; see
    /// <c>Quotas.Counters</c>.
    /// </summary>
    private const string GiveBack = GiveBackFirst + "back.units" + GiveBackRest;

    private const string GiveBackFirst =
        """

        UPDATE environment_service es
           SET consumed_units = (es.consumed_units - back.units) % 2305843009213693952,
               granted_units = CASE WHEN es.max_requests = -1 THEN es.granted_units
                                    ELSE (es.consumed_units - back.units) % 2305843009213693952
                                         + least(es.max_requests, es.available_requests +
        """;

    private const string GiveBackRest = ") END";

    /// <summary>
    /// Makes reservations for calls that were let through: $1 ids, $2 counters, $3 log rows, $4 quantities, $5 expiries.
    /// Only the id may lead to a log row, here and below: by the index of outcomes it would be the whole log.
    /// </summary>
    public const string Reserve =
        """
        WITH made AS (
            INSERT INTO reservation (id, counter_id, request_id, quantity, units, expires_at)
            SELECT asked.id, asked.counter_id, asked.request_id, asked.quantity, request.units, asked.expires_at
              FROM unnest($1, $2, $3, $4, $5) AS asked (id, counter_id, request_id, quantity, expires_at)
              JOIN request ON request.id = ANY (ARRAY[asked.request_id]) AND request.outcome + 0 = 0
            RETURNING counter_id, expires_at)
        UPDATE environment_service es SET first_expiry = least(es.first_expiry, made.expires_at)
          FROM (SELECT counter_id, min(expires_at) AS expires_at FROM made GROUP BY counter_id) AS made
         WHERE es.id = ANY (ARRAY[made.counter_id])
        """;

    /// <summary>
    /// $1 ids of keys that were never used before, $2 of their log rows, $3 now. Waits for them: who was answered must find
    /// it.
    /// </summary>
    public const string NoteFirstUse =
        NoteUse + " FOR NO KEY UPDATE OF k) AS used WHERE api_key.id = ANY (ARRAY[used.id]) AND coalesce(last_used < $3, true)";

    /// <summary>The same for keys whose last use is due to be noted again. Passes over those in other hands.</summary>
    public const string NoteLastUse =
        NoteUse + " FOR NO KEY UPDATE OF k SKIP LOCKED) AS used WHERE api_key.id = ANY (ARRAY[used.id]) AND last_used < $3";

    private const string NoteUse =
        """
        UPDATE api_key SET last_used = $3
          FROM (SELECT k.id
                  FROM unnest($1, $2) AS valid (key_id, request_id)
                  JOIN request ON request.id = ANY (ARRAY[valid.request_id]) AND request.outcome + 0 = 0
                  JOIN api_key k ON k.id = ANY (ARRAY[valid.key_id])
                 ORDER BY k.id
        """;

    /// <summary>$1 ids of counters.</summary>
    public const string LockCounters = "SELECT id FROM environment_service WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE";

    /// <summary>
    /// Gives back what reservations hold that have expired at $2 on the counters $1, which are locked by a statement
    /// before, so that this one sees everything. At most $3 of each counter, those that ended first: if more have ended, the
    /// counter is settling. What ended before a reset gives back nothing: the reset has given it already. Answers with
    /// whether some are left.
    /// </summary>
    public const string SettleExpired =
        """
        WITH chosen AS MATERIALIZED (
            SELECT held.* FROM unnest($1) AS asked (id)
             CROSS JOIN LATERAL (SELECT id, counter_id FROM reservation
                                  WHERE counter_id = asked.id AND expires_at <= $2 ORDER BY expires_at LIMIT $3) AS held),
        expired AS MATERIALIZED (
            SELECT id FROM reservation WHERE id = ANY (ARRAY(SELECT id FROM chosen)) ORDER BY uuid_send(id) FOR UPDATE),
        ended AS (
            DELETE FROM reservation USING expired WHERE reservation.id = ANY (ARRAY[expired.id])
            RETURNING counter_id, request_id, units, expires_at),
        noted AS (
            UPDATE request SET units = request.units - given.units
              FROM (SELECT request_id, units FROM ended WHERE units > 0 ORDER BY request_id) AS given
             WHERE request.id = ANY (ARRAY[given.request_id])),
        settled AS (
        """
        + GiveBackFirst + "back.due" + GiveBackRest +
        """
        ,
               first_expiry = back.next_expiry,
               is_settling = coalesce(back.next_expiry <= $2, false)
          FROM (SELECT asked.id,
                       (SELECT coalesce(sum(units), 0)::bigint FROM ended WHERE ended.counter_id = asked.id) AS units,
                       (SELECT coalesce(sum(units), 0)::bigint FROM ended
                         WHERE ended.counter_id = asked.id AND expires_at > counter.counted_since) AS due,
                       (SELECT expires_at FROM reservation WHERE counter_id = asked.id ORDER BY expires_at
                        OFFSET (SELECT count(*) FROM chosen WHERE chosen.counter_id = asked.id) LIMIT 1) AS next_expiry
                  FROM unnest($1) AS asked (id)
                  JOIN environment_service counter ON counter.id = ANY (ARRAY[asked.id])) AS back
         WHERE es.id = ANY (ARRAY[back.id])
        RETURNING es.is_settling)
        SELECT coalesce(bool_or(is_settling), false) FROM settled
        """;

    /// <summary>
    /// Locks and names counters on which reservations have ended at $1, those that wait longest first, at most $2. Passes over
    /// those in other hands.
    /// </summary>
    public const string LockUnsettled =
        """
        SELECT id FROM environment_service
         WHERE id IN (SELECT id FROM environment_service WHERE first_expiry <= $1 ORDER BY first_expiry LIMIT $2)
         ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        """;

    /// <summary>Confirms all of the reservations $1 that exist at $2. Answers with their ids.</summary>
    public const string ConfirmReservations =
        """
        DELETE FROM reservation
         USING (SELECT id FROM unnest($1) AS asked (id) ORDER BY id) AS asked
         WHERE reservation.id = ANY (ARRAY[asked.id]) AND expires_at > $2
        RETURNING reservation.id
        """;

    /// <summary>
    /// Ends the reservations $1 that exist at $2 and of which $3 is at most what was asked for: so many units stay taken,
    /// the others go back. Answers with the ids of those that it ended.
    /// </summary>
    public const string EndReservations =
        """
        WITH asked AS MATERIALIZED (SELECT * FROM unnest($1, $3) AS asked (id, used) ORDER BY id),
        counter AS MATERIALIZED (
            SELECT es.id FROM environment_service es
             WHERE es.id = ANY (ARRAY(SELECT counter_id FROM reservation JOIN asked ON reservation.id = ANY (ARRAY[asked.id])))
             ORDER BY es.id
               FOR NO KEY UPDATE OF es),
        ended AS (
            DELETE FROM reservation USING asked
             WHERE reservation.id = ANY (ARRAY[asked.id]) AND expires_at > $2 AND asked.used <= quantity AND (SELECT count(*) FROM counter) >= 0
            RETURNING reservation.id, counter_id, request_id, greatest(units - asked.used, 0) AS back),
        noted AS (
            UPDATE request SET units = request.units - given.back
              FROM (SELECT request_id, back FROM ended WHERE back > 0 ORDER BY request_id) AS given
             WHERE request.id = ANY (ARRAY[given.request_id])),
        given_back AS (
        """
        + GiveBack +
        """

              FROM (SELECT counter_id, sum(back)::bigint AS units FROM ended WHERE back > 0 GROUP BY counter_id) AS back
             WHERE es.id = ANY (ARRAY[back.counter_id]))
        SELECT id FROM ended
        """;

    /// <summary>Which of the reservations $1 exist at $2.</summary>
    public const string FindReservations = "SELECT id FROM reservation WHERE id = ANY ($1) AND expires_at > $2";

    /// <summary>
    /// Stores outcomes of calls that were let through and have none yet: $1 ids of log rows, $2 outcomes, $3 status codes,
    /// $4 details. Answers with the ids of those that it stored.
    /// </summary>
    public const string StoreOutcomes =
        """
        UPDATE request SET outcome = report.outcome, status_code = report.status_code, detail = report.detail
          FROM (SELECT * FROM unnest($1, $2, $3, $4) AS report (id, outcome, status_code, detail) ORDER BY id) AS report
         WHERE request.id = ANY (ARRAY[report.id]) AND request.outcome + 0 = 0
        RETURNING request.id
        """;

    /// <summary>The outcomes of the log rows $1.</summary>
    public const string ReadOutcomes =
        """
        SELECT request.id, request.outcome FROM unnest($1) AS asked (id) JOIN request ON request.id = ANY (ARRAY[asked.id])
        """;

    /// <summary>Identifies the backend of a connection, so that its end can be waited for when the connection breaks.</summary>
    public const string ReadBackend = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";

    /// <summary>
    /// Terminates the backend $1 started at $2. No row: it is gone, and whatever it was doing is committed or never will
    /// be.
    /// </summary>
    public const string TerminateBackend = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2";

    /// <summary>
    /// Takes back calls that nobody was told of: $1 ids of log rows; $2 ids of log rows whose answers are remembered under
    /// the names $3, which stay if a repetition was told of them meanwhile; $4 ids of the reservations of all of them. Doing
    /// it twice does no harm. Answers with the number of rows.
    /// </summary>
    public const string TakeBack =
        """
        WITH forgotten AS (
            DELETE FROM remembered_answer WHERE id = ANY ($3) AND request_id = ANY ($2) AND NOT repeated
            RETURNING request_id),
        undone AS MATERIALIZED (
            SELECT unnest($1) AS id UNION ALL SELECT request_id FROM forgotten),
        counter AS MATERIALIZED (
            SELECT es.id FROM environment_service es
             WHERE es.id = ANY (ARRAY(SELECT counter_id FROM request JOIN undone ON request.id = ANY (ARRAY[undone.id])))
             ORDER BY es.id
               FOR NO KEY UPDATE OF es),
        gone AS (
            DELETE FROM request USING undone WHERE request.id = ANY (ARRAY[undone.id]) AND (SELECT count(*) FROM counter) >= 0
            RETURNING counter_id, units),
        dropped AS (
            DELETE FROM reservation USING undone WHERE reservation.id = ANY ($4) AND reservation.request_id = undone.id),
        given_back AS (
        """
        + GiveBack +
        """

              FROM (SELECT counter_id, sum(units)::bigint AS units FROM gone WHERE units > 0 GROUP BY counter_id) AS back
             WHERE es.id = ANY (ARRAY[back.counter_id]))
        SELECT count(*) FROM gone
        """;
}
