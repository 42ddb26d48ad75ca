namespace Pandora.Core.Verification;

/// <summary>
/// The statement that holds the books against the request log. It reads the log once, sums it up by counter, key and
/// service, and compares the sums with what the other tables say; single rows of the log are only looked up for open
/// reservations and remembered answers. $1 now.
/// </summary>
/// <remarks>
/// Answers with rows of (place, subject, what, expected, found) in their order. Rows from <see cref="FirstCount"/> on are
/// no differences but numbers for the summary, all of them in column "found".
/// </remarks>
internal static class BooksSql
{
    /// <summary>The place of the first number for the summary; see <see cref="Counted"/> for their order.</summary>
    public const int FirstCount = 100;

    public const string Compare =
        Sums + Counters + UnionAll + Reservations + UnionAll + Answers + UnionAll + Log + UnionAll + Keys + UnionAll + Counts
        + "\nORDER BY place, number, subject, what";

    private const string UnionAll = "\nUNION ALL\n";

    private const string Sums =
        """
        WITH kept AS MATERIALIZED (
            SELECT (SELECT value::timestamptz FROM installation WHERE name = 'log_kept_since') AS since),
        logged AS MATERIALIZED (
            SELECT counter_id, logged_key_id, logged_service_id, outcome > 10 AS refused,
                   count(*) AS rows, sum(units) AS units,
                   min(id::text COLLATE "C") FILTER (WHERE units > 0 AND (counter_id = 0 OR outcome > 10)) AS first_wrong,
                   max(left(id::text, 13) COLLATE "C") FILTER (WHERE outcome < 10) AS newest_valid
              FROM request
             GROUP BY counter_id, logged_key_id, logged_service_id, outcome > 10),
        taken AS MATERIALIZED (
            SELECT counter_id, sum(units) AS units FROM logged WHERE counter_id <> 0 GROUP BY counter_id),
        counter AS (
            SELECT es.*, format('counter %s (environment %s, service %s)', es.id, es.environment_id, es.service_id) AS name,
                   coalesce(es.assigned_at < kept.since, false) AS is_partial
              FROM environment_service es CROSS JOIN kept)
        """;

    // Of a counter that is older than the log only a part of its calls is known. Totals wrap around at 2^61.
    private const string Counters =
        """

        SELECT 1 AS place, counter.id::bigint AS number, name AS subject, 'consumed_units' AS what,
               CASE WHEN is_partial THEN 'at least ' ELSE '' END || coalesce(taken.units, 0) AS expected,
               consumed_units::text AS found
          FROM counter
          LEFT JOIN taken ON taken.counter_id = counter.id
         WHERE CASE WHEN is_partial THEN consumed_units < coalesce(taken.units, 0) AND taken.units < 2305843009213693952
                    ELSE (consumed_units - coalesce(taken.units, 0)) % 2305843009213693952 <> 0 END
        UNION ALL
        SELECT 2, id, name, 'available_requests',
               CASE WHEN max_requests = -1 THEN '-1' ELSE '0 to ' || max_requests END, available_requests::text
          FROM counter
         WHERE CASE WHEN max_requests = -1 THEN available_requests <> -1
                    ELSE available_requests NOT BETWEEN 0 AND max_requests END
        UNION ALL
        SELECT 3, id, name, 'first_expiry', 'at most ' || first_end, coalesce(first_expiry::text, 'none')
          FROM counter
          JOIN (SELECT counter_id, min(expires_at) AS first_end FROM reservation GROUP BY counter_id) AS held
            ON held.counter_id = counter.id
         WHERE first_expiry IS NULL OR first_expiry > first_end
        """;

    // LIMIT keeps the planner from reading the whole log a second time.
    private const string Reservations =
        """
        SELECT 4, 0, 'reservation ' || reservation.id, difference.what, difference.expected, difference.found
          FROM reservation
          LEFT JOIN LATERAL (SELECT * FROM request WHERE request.id = reservation.request_id LIMIT 1) AS entry ON true
         CROSS JOIN LATERAL (VALUES
               (entry.id IS NULL, 'row ' || reservation.request_id || ' of the log', 'there', 'missing'),
               (entry.outcome > 10, 'outcome in the log', '0 to 3', entry.outcome::text),
               (entry.units <> reservation.units, 'units in the log', reservation.units::text, entry.units::text),
               (entry.counter_id <> CASE WHEN reservation.units > 0 THEN reservation.counter_id ELSE 0 END, 'counter in the log',
                CASE WHEN reservation.units > 0 THEN reservation.counter_id ELSE 0 END::text, entry.counter_id::text))
            AS difference (exists, what, expected, found)
         WHERE difference.exists
        """;

    private const string Answers =
        """
        SELECT 5, 0, 'remembered answer ' || encode(answer.id, 'hex'), difference.what, difference.expected, difference.found
          FROM remembered_answer answer
         CROSS JOIN kept
          LEFT JOIN LATERAL (SELECT * FROM request WHERE request.id = answer.request_id LIMIT 1) AS entry ON true
         CROSS JOIN LATERAL (VALUES
               (entry.id IS NULL, 'row ' || answer.request_id || ' of the log', 'there', 'missing'),
               (answer.reason <> greatest(entry.outcome, 10) - 10 AND entry.id IS NOT NULL, 'reason',
                (greatest(entry.outcome, 10) - 10)::text, answer.reason::text))
            AS difference (exists, what, expected, found)
         WHERE difference.exists AND answer.answered_at > $1 - interval '24 hours'
           AND coalesce(answer.answered_at >= kept.since, true)
        """;

    private const string Log =
        """
        SELECT 6, 0, 'log', 'units that no counter gave', '0', format('%s, first in row %s', sum(units), min(first_wrong))
          FROM logged
         WHERE counter_id = 0 AND NOT refused
        HAVING sum(units) > 0
        UNION ALL
        SELECT 7, 0, 'log', 'units of refused calls', '0', format('%s, first in row %s', sum(units), min(first_wrong))
          FROM logged
         WHERE refused
        HAVING sum(units) > 0
        UNION ALL
        SELECT 8, logged_key_id, 'log', 'logged_key ' || logged_key_id, 'there', format('missing, named by %s rows', sum(rows))
          FROM logged
         WHERE logged_key_id <> 0 AND NOT EXISTS (SELECT FROM logged_key WHERE logged_key.id = logged_key_id)
         GROUP BY logged_key_id
        UNION ALL
        SELECT 9, logged_service_id, 'log', 'logged_service ' || logged_service_id, 'there',
               format('missing, named by %s rows', sum(rows))
          FROM logged
         WHERE logged_service_id <> 0 AND NOT EXISTS (SELECT FROM logged_service WHERE logged_service.id = logged_service_id)
         GROUP BY logged_service_id
        """;

    // The leading 48 bits of a row's id are the time of its recording in milliseconds; a use is noted to within a minute.
    private const string Keys =
        """
        SELECT 10, api_key.id, 'api key ' || api_key.id, 'last_used', 'at least ' || due, coalesce(last_used::text, 'none')
          FROM api_key
          JOIN (SELECT api_key_id,
                       to_timestamp(('x' || replace(max(newest_valid), '-', ''))::bit(48)::bigint / 1000.0) - interval '60 seconds' AS due
                  FROM logged
                  JOIN logged_key ON logged_key.id = logged_key_id
                 WHERE newest_valid IS NOT NULL
                 GROUP BY api_key_id) AS used ON used.api_key_id = api_key.id
         WHERE last_used IS NULL OR last_used < due
        """;

    private const string Counts =
        """
        SELECT 100 + ordinality, 0, '', '', '', count::text
          FROM kept
         CROSS JOIN LATERAL unnest(ARRAY[
               (SELECT count(*) FROM environment_service),
               (SELECT coalesce(sum(rows), 0) FROM logged),
               (SELECT count(*) FROM reservation),
               (SELECT count(*) FROM remembered_answer
                 WHERE answered_at > $1 - interval '24 hours' AND coalesce(answered_at >= kept.since, true)),
               (SELECT count(*) FROM api_key),
               (SELECT count(*) FROM reservation WHERE expires_at <= $1),
               (SELECT coalesce(sum(units), 0) FROM reservation WHERE expires_at <= $1),
               (SELECT count(*) FROM counter WHERE is_partial)]::numeric[]) WITH ORDINALITY AS number (count, ordinality)
        """;
}
