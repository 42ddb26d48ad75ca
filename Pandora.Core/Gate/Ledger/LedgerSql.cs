using Npgsql;

namespace Pandora.Core.Gate.Ledger;

/// <summary>The statement that decides about, charges and logs a whole batch: one round trip, one transaction, one flush.</summary>
/// <remarks>
/// It writes only if the directory still has the version that the batch was prepared with. $1 that version, $2 now.
/// <para>
/// Counters: $3 ids in order, $4 the last reset of each. Calls, one array a column: $5 id, $6 request time, $7 name of the
/// key, $8 name of the service, $9 reason of a refusal or 0, $10 method, $11 path, $12 address, $13 place of the counter in
/// $3 or 0, $14 units it may take, and $15 the units that all calls of that counter up to this one would take together;
/// calls of one counter come by rising quantity, so that those that fit are exactly the ones whose sum does. $16 what all
/// calls of each counter in $3 would take together.
/// </para>
/// <para>
/// Where more reservations have ended than could be settled at once, units are taken from what is settled, and only who
/// needs more has to wait. A stored instant that lies more than a day ahead was written by a clock that was wrong: the
/// counter is filled up once and goes on from the last reset.
/// </para>
/// <para>
/// Answers with the version of the directory, what each counter had before (units, or one of the values below), and how
/// many of them were due for their reset. Calls of a counter that is gone or unsettled are not logged.
/// </para>
/// </remarks>
internal static class LedgerSql
{
    /// <summary>In the place of what is left on a counter: a reservation has expired and must be settled first.</summary>
    public const long Unsettled = -2;

    /// <summary>In the place of what is left on a counter: more than anybody can ask for.</summary>
    public const long Endless = long.MaxValue;

    /// <summary>
    /// Whether the statement was refused for what it saw when it began. It locks a counter as it is now, but makes the new
    /// row first from the one it saw, then from the one it locked. If units came back while it waited for the lock, the
    /// first of the two takes more than there was.
    /// </summary>
    public static bool IsOutrun(PostgresException refusal) =>
        refusal is { SqlState: PostgresErrorCodes.CheckViolation, ConstraintName: "environment_service_available_check" };

    public static readonly string CommitBatch = Charge + Log("", "") + Answer;

    /// <summary>
    /// The same for calls with more texts: $17 mask of an unknown key, $18 name and $19 version of an unknown service, and
    /// the metadata $20 body, $21 cookies, $22 headers, $23 query parameters, $24 content type; $25 name of a
    /// method that has no number.
    /// </summary>
    public static readonly string CommitBatchWithTexts = Charge
        + Log(
            ", key_mask, service_name, service_version, metadata_body, metadata_cookies, metadata_headers, metadata_query_params, metadata_content_type, method_name",
            ", $17, $18, $19, $20, $21, $22, $23, $24, $25")
        + Answer;

    // Calls find their counter by its place in an array, and not by a join that the planner might make quadratic. -1 stands
    // for a counter that is gone.
    private const string Charge =
        """
        WITH directory AS MATERIALIZED (SELECT version FROM directory_version WHERE id = 1),
        counters AS MATERIALIZED (
            SELECT array_agg(coalesce(counter.available, -1) ORDER BY wanted.place) AS available,
                   count(*) FILTER (WHERE counter.is_due AND counter.available > 0) AS resets
              FROM unnest($3, $4, $16) WITH ORDINALITY AS wanted (id, last_reset, units, place)
              LEFT JOIN LATERAL (
                   SELECT CASE WHEN es.max_requests = -1 THEN 9223372036854775807
                               WHEN es.first_expiry <= $2 AND NOT (es.is_settling AND wanted.units <= now.available) THEN -2
                               ELSE now.available END AS available,
                          now.is_due AND es.max_requests > 0 AS is_due
                     FROM environment_service es
                    CROSS JOIN LATERAL (SELECT es.counted_since < wanted.last_reset OR es.counted_since > $2 + interval '1 day') AS reset (is_due)
                    CROSS JOIN LATERAL (SELECT reset.is_due, CASE WHEN reset.is_due THEN es.max_requests ELSE es.available_requests END)
                            AS now (is_due, available)
                    WHERE es.id = ANY (ARRAY[wanted.id])
                      FOR NO KEY UPDATE OF es) AS counter ON true
             WHERE (SELECT version FROM directory) = $1),
        charged AS (
            UPDATE environment_service es
               SET granted_units = CASE WHEN es.max_requests = -1 OR NOT (es.counted_since < ($4)[taken.place] OR es.counted_since > $2 + interval '1 day')
                                        THEN es.granted_units
                                        ELSE es.max_requests + es.consumed_units % 2305843009213693952 END,
                   consumed_units = taken.units
                       + CASE WHEN es.max_requests = -1 OR NOT (es.counted_since < ($4)[taken.place] OR es.counted_since > $2 + interval '1 day')
                              THEN es.consumed_units
                              ELSE es.consumed_units % 2305843009213693952 END,
                   counted_since = CASE WHEN es.counted_since > $2 + interval '1 day' THEN ($4)[taken.place]
                                        ELSE greatest(es.counted_since, ($4)[taken.place]) END
              FROM (SELECT place, max(sum) AS units
                      FROM unnest($13, $15) AS call (place, sum)
                     WHERE place > 0 AND sum <= (SELECT available FROM counters)[place]
                     GROUP BY place) AS taken
             WHERE es.id = ANY (ARRAY[($3)[taken.place]])),
        """;

    /// <param name="columns">Further columns of the log and of the calls, each after a comma.</param>
    /// <param name="parameters">Their parameters.</param>
    private static string Log(string columns, string parameters) =>
        $$"""

        logged AS (
            INSERT INTO request (
                   id, request_time, units, counter_id, logged_key_id, logged_service_id,
                   outcome, status_code, method, path, ip_address{{columns}})
            SELECT id, request_time,
                   CASE WHEN outcome = 0 THEN units ELSE 0 END, CASE WHEN outcome = 0 AND units > 0 THEN ($3)[place] ELSE 0 END,
                   logged_key_id, logged_service_id,
                   outcome, CASE WHEN outcome = 0 THEN 0 ELSE 401 END, method, path, ip_address{{columns}}
              FROM (SELECT *, CASE WHEN reason > 0 THEN 10 + reason
                                   WHEN place > 0 AND sum > (SELECT available FROM counters)[place] THEN 11
                                   ELSE 0 END AS outcome
                      FROM unnest($5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15{{parameters}})
                        AS call (id, request_time, logged_key_id, logged_service_id, reason, method, path, ip_address,
                                 place, units, sum{{columns}})
                     WHERE (SELECT version FROM directory) = $1
                       AND (place = 0 OR (SELECT available FROM counters)[place] >= 0)) AS decided)
        """;

    private const string Answer =
        """

        SELECT directory.version, counters.available, counters.resets FROM directory, counters
        """;
}
