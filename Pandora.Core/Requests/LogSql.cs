namespace Pandora.Core.Requests;

/// <summary>
/// The statements of <see cref="LogPageReader"/>. What varies in their text is the column whose index is walked and the table;
/// every value is a parameter.
/// </summary>
internal static class LogSql
{
    /// <summary>{0} values of the column, {1} earliest and {2} latest time. Gives <see cref="LogPartition"/>s.</summary>
    public static string Partitions(string column) =>
        $$"""
        WITH span AS MATERIALIZED (
               SELECT coalesce(substring(bound FROM 'FROM \(''([^'']+)')::uuid, '00000000-0000-0000-0000-000000000000') AS "From",
                      coalesce(substring(bound FROM 'TO \(''([^'']+)')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff') AS "To"
                 FROM (SELECT pg_get_expr(relpartbound, oid) AS bound
                         FROM pg_inherits JOIN pg_class ON oid = inhrelid
                        WHERE inhparent = 'request'::regclass) partition
                WHERE bound <> 'DEFAULT')
        SELECT "From", "To", max(request_time) AS "Newest", false AS "IsDefault"
          FROM span
         CROSS JOIN unnest({0}) wanted
         CROSS JOIN LATERAL (
               SELECT request_time FROM request
                WHERE id >= "From" AND id < "To" AND {{column}} = wanted AND request_time BETWEEN {1} AND {2}
                ORDER BY request_time DESC LIMIT 1) newest
         GROUP BY "From", "To"
        UNION ALL
        SELECT '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', max(request_time), true
          FROM unnest({0}) wanted
         CROSS JOIN LATERAL (
               SELECT request_time FROM request_default
                WHERE {{column}} = wanted AND request_time BETWEEN {1} AND {2}
                ORDER BY request_time DESC LIMIT 1) newest
        HAVING count(*) > 0
         ORDER BY "Newest" DESC
        """;

    /// <summary>Parameters as of <see cref="Sample"/>. Gives the time of the oldest row.</summary>
    public static string Oldest(bool inDefault, string column) =>
        $$"""
        SELECT min(request_time) AS "Value"
          FROM unnest({0}) wanted
         CROSS JOIN LATERAL (
               SELECT request_time {{From(inDefault)}} AND {{column}} = wanted
                ORDER BY request_time LIMIT 1) oldest
        """;

    /// <summary>
    /// The newest rows of all the values in their order, wanted or not: {0} values of the column, {1} earliest time, {2} and
    /// {3} time and id of the place that all come after, {4} and {5} range of ids, {6} number of rows, {7} to {9} wanted keys,
    /// services and outcomes, null: any. Gives <see cref="SampledRow"/>s.
    /// </summary>
    /// <param name="manyValues">
    /// More than rows are needed: then only the values with the newest rows are gone through, as far back as the oldest of
    /// those newest rows.
    /// </param>
    public static string Sample(bool inDefault, string column, bool manyValues)
    {
        var ofOne = $"{From(inDefault)} AND {column} = wanted";
        var runs = manyValues
            ? $$"""
              SELECT wanted, CASE WHEN count(*) OVER () < {6} THEN {1} ELSE min(newest) OVER () END AS since
                FROM (SELECT wanted, newest
                        FROM unnest({0}) wanted
                       CROSS JOIN LATERAL (SELECT request_time AS newest {{ofOne}} ORDER BY request_time DESC LIMIT 1) head
                       ORDER BY newest DESC FETCH FIRST {6} ROWS WITH TIES) newest
              """
            : "SELECT wanted, {1} AS since FROM unnest({0}) wanted";
        return $$"""
            WITH run AS MATERIALIZED ({{runs}})
            SELECT "Id", "RequestTime", {{Wanted}} AS "IsWanted"
              FROM run
             CROSS JOIN LATERAL (
                   SELECT id AS "Id", request_time AS "RequestTime", logged_key_id, logged_service_id, outcome
                     {{ofOne}} AND request_time >= since
                    ORDER BY request_time DESC, id DESC LIMIT {6}) line
             ORDER BY "RequestTime" DESC, "Id" DESC LIMIT {6}
            """;
    }

    /// <summary>
    /// The wanted rows of a range of time in their order, at most {6} of them, all from one reading of at most {10} rows: it
    /// finds the runs of thousands of values about ten times as fast as a query for each. Gives <see cref="RangeRow"/>s,
    /// one without a row if there is none. An array that the planner does not see costs no time to estimate.
    /// </summary>
    public static string Range(bool inDefault, string column) =>
        $$"""
        WITH looked AS MATERIALIZED (
               SELECT id, request_time, {{Wanted}} AS is_wanted
                 {{From(inDefault)}} AND {{column}} = ANY(ARRAY(SELECT unnest({0})))
                LIMIT {10})
        SELECT (SELECT count(*)::integer FROM looked) AS "Looked", id AS "Id", request_time AS "RequestTime"
          FROM (VALUES (1)) one
          LEFT JOIN (SELECT id, request_time FROM looked WHERE is_wanted
                      ORDER BY request_time DESC, id DESC LIMIT {6}) line ON true
         ORDER BY request_time DESC, id DESC
        """;

    private const string Wanted =
        """
        (({7}::integer[] IS NULL OR logged_key_id = ANY({7}))
               AND ({8}::integer[] IS NULL OR logged_service_id = ANY({8}))
               AND ({9}::integer[] IS NULL OR outcome = ANY({9})))
        """;

    private static string From(bool inDefault) =>
        $$"""
        FROM {{(inDefault ? "request_default" : "request")}}
                WHERE id >= {4} AND id < {5} AND request_time >= {1} AND request_time <= {2} AND (request_time, id) < ({2}, {3})
        """;
}
