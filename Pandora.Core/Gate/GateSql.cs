namespace Pandora.Core.Gate;

/// <summary>
/// Every statement of the ledger. Rows are always locked in the order that <c>Persistence.QuotaLocks</c> states, then
/// usage rows by their key, then API keys by id.
/// </summary>
internal static class GateSql
{
    public const string Begin = "BEGIN";

    public const string Commit = "COMMIT";

    public const string Rollback = "ROLLBACK";

    /// <summary>Names the transaction, so that its end can be asked for when the connection breaks during the commit.</summary>
    public const string TransactionId = "SELECT pg_current_xact_id()::text";

    /// <summary>
    /// Whether the transaction $1 may still commit. Its number may lie in the future, where the server knows no status:
    /// a crash forgets numbers that nothing on disk bears.
    /// </summary>
    public const string IsInProgress =
        """
        SELECT CASE WHEN $1::text::xid8 < pg_current_xact_id()
                    THEN coalesce(pg_xact_status($1::text::xid8) = 'in progress', false)
                    ELSE false END
        """;

    /// <summary>
    /// Whether the log has the row $1. After a crash this is the only proof of a commit: the number of a transaction that
    /// was lost is given out again.
    /// </summary>
    public const string IsRecorded = "SELECT EXISTS (SELECT FROM request WHERE id = $1)";

    /// <summary>One row for each look-up, in one snapshot: $1 key hashes, $2 service names, $3 service versions.</summary>
    public const string ReadFacts =
        """
        SELECT k.id, k.status = 'enabled', k.expires_at, k.last_used,
               e.id, e.name, e.status = 'enabled',
               p.id, p.name, p.status = 'enabled',
               c.id, c.name,
               s.id, s.status,
               ps.reset_frequency, ps.last_reset, ps.next_reset, ps.anchor_day
          FROM unnest($1, $2, $3) WITH ORDINALITY AS asked (key_hash, service_name, service_version, place)
          LEFT JOIN (api_key k
                     JOIN environment e ON e.id = k.environment_id
                     JOIN project p ON p.id = e.project_id
                     JOIN client c ON c.id = p.client_id) ON k.key_hash = asked.key_hash
          LEFT JOIN service s ON s.name = asked.service_name AND s.version = asked.service_version
          LEFT JOIN environment_service es ON es.environment_id = e.id AND es.service_id = s.id
          LEFT JOIN project_service ps ON ps.project_id = es.project_id AND ps.service_id = es.service_id
         ORDER BY asked.place
        """;

    /// <summary>Project services whose reset seems due: $1 project ids, $2 service ids.</summary>
    public const string LockSchedules =
        """
        SELECT ps.project_id, ps.service_id, ps.reset_frequency, ps.last_reset, ps.next_reset, ps.anchor_day
          FROM unnest($1, $2) AS due (project_id, service_id)
          JOIN project_service ps ON ps.project_id = due.project_id AND ps.service_id = due.service_id
         ORDER BY ps.project_id, ps.service_id
           FOR NO KEY UPDATE OF ps
        """;

    /// <summary>The counters of a batch: $1 environment ids, $2 service ids.</summary>
    public const string LockCounters =
        """
        SELECT es.environment_id, es.service_id, es.project_id, es.max_requests, es.available_requests
          FROM unnest($1, $2) AS wanted (environment_id, service_id)
          JOIN environment_service es
            ON es.environment_id = wanted.environment_id AND es.service_id = wanted.service_id
         ORDER BY es.environment_id, es.service_id
           FOR NO KEY UPDATE OF es
        """;

    /// <summary>The same, and every counter of the project services in $3 project ids, $4 service ids.</summary>
    public const string LockCountersAndResets =
        """
        SELECT es.environment_id, es.service_id, es.project_id, es.max_requests, es.available_requests
          FROM (SELECT wanted.environment_id, wanted.service_id
                  FROM unnest($1, $2) AS wanted (environment_id, service_id)
                 UNION
                SELECT other.environment_id, other.service_id
                  FROM unnest($3, $4) AS due (project_id, service_id)
                  JOIN environment_service other
                    ON other.project_id = due.project_id AND other.service_id = due.service_id) AS named
          JOIN environment_service es
            ON es.environment_id = named.environment_id AND es.service_id = named.service_id
         ORDER BY es.environment_id, es.service_id
           FOR NO KEY UPDATE OF es
        """;

    /// <summary>$1 project ids, $2 service ids, $3 instants of the next reset.</summary>
    public const string WriteSchedules =
        """
        UPDATE project_service ps SET next_reset = reset.next_reset
          FROM unnest($1, $2, $3) AS reset (project_id, service_id, next_reset)
         WHERE ps.project_id = reset.project_id AND ps.service_id = reset.service_id
        """;

    /// <summary>$1 environment ids, $2 service ids, $3 requests left.</summary>
    public const string WriteCounters =
        """
        UPDATE environment_service es SET available_requests = counted.available_requests
          FROM unnest($1, $2, $3) AS counted (environment_id, service_id, available_requests)
         WHERE es.environment_id = counted.environment_id AND es.service_id = counted.service_id
        """;

    /// <summary>Log rows, one array a column; $3 is the moment of recording.</summary>
    public const string WriteRequests =
        """
        INSERT INTO request (
               id, request_time, created_at, api_key_id, environment_id, project_id, client_id, service_id,
               execution_status, unauthorized_reason, status_code, method, key_mask,
               environment_name, project_name, client_name, service_name, service_version, path, ip_address,
               metadata_body, metadata_cookies, metadata_headers, metadata_query_params, metadata_content_type)
        SELECT id, request_time, $3, api_key_id, environment_id, project_id, client_id, service_id,
               CASE WHEN reason = 0 THEN 0 ELSE 4 END, reason, CASE WHEN reason = 0 THEN 0 ELSE 401 END, method, key_mask,
               environment_name, project_name, client_name, service_name, service_version, path, ip_address,
               body, cookies, headers, query_params, content_type
          FROM unnest($1, $2, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
            AS row (id, request_time, api_key_id, environment_id, project_id, client_id, service_id,
                    reason, method, key_mask,
                    environment_name, project_name, client_name, service_name, service_version, path, ip_address,
                    body, cookies, headers, query_params, content_type)
        """;

    /// <summary>$1 environment ids, $2 service ids, $3 hours, $4 forwarded, $5 unauthorized, $6 consumed; may be negative.</summary>
    public const string AddUsage =
        """
        INSERT INTO usage_hourly AS usage (environment_id, service_id, hour, forwarded, unauthorized, consumed)
        SELECT environment_id, service_id, hour, forwarded, unauthorized, consumed
          FROM unnest($1, $2, $3, $4, $5, $6)
            AS added (environment_id, service_id, hour, forwarded, unauthorized, consumed)
            ON CONFLICT (environment_id, service_id, hour) DO UPDATE
           SET forwarded = usage.forwarded + excluded.forwarded,
               unauthorized = usage.unauthorized + excluded.unauthorized,
               consumed = usage.consumed + excluded.consumed
        """;

    /// <summary>$1 ids of keys that were never used before, $2 the moment. Waits for them: who was answered must find it.</summary>
    public const string NoteFirstUse =
        """
        UPDATE api_key SET last_used = $2
          FROM (SELECT id FROM api_key WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE) AS used
         WHERE api_key.id = used.id AND (last_used IS NULL OR last_used < $2)
        """;

    /// <summary>$1 ids of keys whose last use is due to be noted again, $2 the moment. Passes over those in other hands.</summary>
    public const string NoteLastUse =
        """
        UPDATE api_key SET last_used = $2
          FROM (SELECT id FROM api_key WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED) AS used
         WHERE api_key.id = used.id AND last_used < $2
        """;

    /// <summary>$1 ids of log rows that nobody was told of.</summary>
    public const string DeleteRequests = "DELETE FROM request WHERE id = ANY ($1) RETURNING id";
}
