namespace Pandora.Benchmarks.Database;

/// <summary>
/// The records that calls are made with: environments with one key each, named by numbers from 1 on. A larger database is
/// seeded elsewhere, with the same names of keys.
/// </summary>
internal static class Seed
{
    /// <summary>Run in one transaction; <c>$1</c> is the number of environments.</summary>
    public static readonly string[] Statements =
    [
        """
        INSERT INTO service (name, version, status, created_at) VALUES ('bench-service-1', '1', 'enabled', now())
        """,
        """
        INSERT INTO client (type, name, email, email_folded, created_at)
        VALUES ('organization', 'bench-client', 'bench@example.org', 'bench@example.org', now())
        """,
        // One hundred environments to a project.
        """
        INSERT INTO project (client_id, name, status, created_at)
        SELECT c.id, 'bench-project-' || n, 'enabled', now()
          FROM client c, generate_series(0, ($1 - 1) / 100) n
         WHERE c.name = 'bench-client'
        """,
        """
        INSERT INTO project_service (
               project_id, service_id, max_requests, reset_frequency, last_reset, next_reset, anchor_day, assigned_at)
        SELECT p.id, s.id, 9007199254740991, 'monthly', now(), now() + interval '28 days', 1, now()
          FROM project p, service s
         WHERE p.name LIKE 'bench-project-%' AND s.name = 'bench-service-1'
        """,
        """
        INSERT INTO environment (project_id, name, status, created_at)
        SELECT p.id, 'bench-environment-' || n, 'enabled', now()
          FROM generate_series(1, $1) n
          JOIN project p ON p.name = 'bench-project-' || (n - 1) / 100
        """,
        """
        INSERT INTO environment_service (
               environment_id, service_id, project_id, max_requests, granted_units, consumed_units, counted_since, assigned_at)
        SELECT e.id, ps.service_id, e.project_id, 10000000000000, 10000000000000, 0, ps.last_reset, now()
          FROM environment e
          JOIN project_service ps USING (project_id)
         WHERE e.name LIKE 'bench-environment-%'
        """,
        """
        INSERT INTO api_key (environment_id, key_hash, key_mask, key_ciphertext, key_material_id, status, created_at)
        SELECT e.id, sha256(convert_to(key.text, 'UTF8')),
               CASE WHEN length(key.text) < 16 THEN '...' ELSE left(key.text, 4) || '...' || right(key.text, 4) END,
               '', 'bench', 'enabled', now()
          FROM generate_series(1, $1) n
          JOIN environment e ON e.name = 'bench-environment-' || n
         CROSS JOIN LATERAL (SELECT 'bench-key-' || n) key (text)
        """,
    ];

    public const string FindKeys =
        """
        SELECT n, s.name, s.version
          FROM generate_series(1, $1) n
          JOIN api_key k ON k.key_hash = sha256(convert_to('bench-key-' || n, 'UTF8'))
          JOIN environment e ON e.id = k.environment_id AND e.status = 'enabled'
          JOIN project p ON p.id = e.project_id AND p.status = 'enabled'
         CROSS JOIN LATERAL (
               SELECT s.name, s.version
                 FROM environment_service es
                 JOIN service s ON s.id = es.service_id AND s.status = 'enabled'
                WHERE es.environment_id = e.id AND es.max_requests <> 0
                ORDER BY es.id
                LIMIT 1) s
         WHERE k.status = 'enabled' AND (k.expires_at IS NULL OR k.expires_at > now() + interval '1 day')
         ORDER BY n
        """;

    /// <summary>Names the first <c>$1</c> keys in the log as the product would at their first check, for the SQL statement.</summary>
    public const string NameInLog =
        """
        WITH named_key AS (
            INSERT INTO logged_key (
                   api_key_id, environment_id, project_id, client_id, key_mask, environment_name, project_name, client_name)
            SELECT k.id, e.id, p.id, c.id, k.key_mask, e.name, p.name, c.name
              FROM generate_series(1, $1) n
              JOIN api_key k ON k.key_hash = sha256(convert_to('bench-key-' || n, 'UTF8'))
              JOIN environment e ON e.id = k.environment_id
              JOIN project p ON p.id = e.project_id
              JOIN client c ON c.id = p.client_id
             WHERE NOT EXISTS (SELECT FROM logged_key WHERE api_key_id = k.id))
        INSERT INTO logged_service (service_id, name, version)
        SELECT s.id, s.name, s.version
          FROM service s
         WHERE NOT EXISTS (SELECT FROM logged_service WHERE service_id = s.id)
        """;
}
