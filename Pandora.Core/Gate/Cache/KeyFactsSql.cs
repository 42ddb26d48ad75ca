namespace Pandora.Core.Gate.Cache;

/// <summary>The statements that fill and renew the directory. Each sees one moment of the database.</summary>
internal static class KeyFactsSql
{
    /// <summary>
    /// The facts of each look-up and the version of the directory they are of: $1 key hashes, $2 service names, $3 service
    /// versions. Of the ids of a logged key only that of the key may lead to it: a client may have a million of them.
    /// </summary>
    public const string ReadFacts =
        """
        SELECT directory.version,
               k.id, k.status = 'enabled', k.expires_at, k.last_used,
               e.id, e.name, e.status = 'enabled',
               p.id, p.name, p.status = 'enabled',
               c.id, c.name,
               known_key.id,
               s.id, s.status,
               known_service.id,
               es.id, es.max_requests, ps.reset_frequency, ps.last_reset, ps.next_reset, ps.anchor_day
          FROM unnest($1, $2, $3) WITH ORDINALITY AS asked (key_hash, service_name, service_version, place)
         CROSS JOIN directory_version directory
          LEFT JOIN (api_key k
                     JOIN environment e ON e.id = k.environment_id
                     JOIN project p ON p.id = e.project_id
                     JOIN client c ON c.id = p.client_id) ON k.key_hash = asked.key_hash
          LEFT JOIN LATERAL (SELECT logged.id FROM logged_key logged
                              WHERE logged.api_key_id = k.id
                                AND (logged.environment_id + 0, logged.project_id + 0, logged.client_id + 0) = (e.id, p.id, c.id)
                                AND (logged.environment_name, logged.project_name, logged.client_name) = (e.name, p.name, c.name)
                              ORDER BY logged.id LIMIT 1) known_key ON true
          LEFT JOIN service s ON s.name = asked.service_name AND s.version = asked.service_version
          LEFT JOIN LATERAL (SELECT logged.id FROM logged_service logged
                              WHERE logged.service_id = s.id AND (logged.name, logged.version) = (s.name, s.version)
                              ORDER BY logged.id LIMIT 1) known_service ON true
          LEFT JOIN environment_service es ON es.environment_id = e.id AND es.service_id = s.id
          LEFT JOIN project_service ps ON ps.project_id = es.project_id AND ps.service_id = es.service_id
         ORDER BY asked.place
        """;

    /// <summary>
    /// $1 ids of keys. Flushed like everything else, because the node remembers the new ids beyond a crash of the server.
    /// Two nodes may do it at once; then there are two rows of one meaning, which does no harm.
    /// </summary>
    public const string NameKeys =
        """
        INSERT INTO logged_key (
               api_key_id, environment_id, project_id, client_id, key_mask, environment_name, project_name, client_name)
        SELECT k.id, e.id, p.id, c.id, k.key_mask, e.name, p.name, c.name
          FROM api_key k
          JOIN environment e ON e.id = k.environment_id
          JOIN project p ON p.id = e.project_id
          JOIN client c ON c.id = p.client_id
         WHERE k.id = ANY ($1)
        """;

    /// <summary>$1 ids of services.</summary>
    public const string NameServices =
        "INSERT INTO logged_service (service_id, name, version) SELECT id, name, version FROM service WHERE id = ANY ($1)";

    /// <summary>
    /// The version of the directory and the changes after version $1, or nulls if there are none. $2: no more rows than
    /// this.
    /// </summary>
    public const string ReadChanges =
        """
        SELECT directory.version, change.version, change.entity, change.entity_id
          FROM directory_version directory
          LEFT JOIN directory_change change ON change.version > $1
         LIMIT $2
        """;
}
