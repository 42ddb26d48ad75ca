namespace Pandora.Tests.Verification;

/// <summary>Small books that agree, written as nodes would write them, for tests to spoil.</summary>
internal static class BookRecords
{
    /// <summary>Half an hour after everything in them.</summary>
    public static readonly DateTimeOffset Now = new(2026, 3, 10, 12, 30, 0, TimeSpan.Zero);

    /// <summary>A successful call that took 7 units of counter 1; an answer is remembered for it.</summary>
    public const string Call = "019cd79e-4600-7000-8000-00000000000a";

    /// <summary>The call of reservation <see cref="Held"/>, which holds 3 units of counter 1.</summary>
    public const string HoldingCall = "019cd79e-4600-7000-8000-00000000000b";

    /// <summary>Out of quota; an answer is remembered for it.</summary>
    public const string RefusedCall = "019cd79e-4600-7000-8000-00000000000c";

    /// <summary>A validation, which takes nothing.</summary>
    public const string Validation = "019cd79e-4600-7000-8000-00000000000d";

    /// <summary>A call with an unknown key for an unknown service.</summary>
    public const string Stranger = "019cd79e-4600-7000-8000-00000000000e";

    /// <summary>The call of reservation <see cref="Boundless"/>, which holds nothing because counter 2 is unlimited.</summary>
    public const string BoundlessCall = "019cd79e-4600-7000-8000-00000000000f";

    public const string Held = "019cd79e-4600-7000-9000-000000000001";

    public const string Boundless = "019cd79e-4600-7000-9000-000000000002";

    /// <summary>Makes them in a database that has nothing but its schema. Counter 3 is limited and was never used.</summary>
    public const string Sql =
        $"""
        INSERT INTO service (name, version, status, created_at)
        SELECT 'service ' || n, '1', 'enabled', '2026-03-10T11:00:00Z' FROM generate_series(1, 3) AS n ORDER BY n;
        INSERT INTO client (type, name, email, email_folded, created_at) VALUES ('developer', 'c', 'c@d', 'c@d', '2026-03-10T11:00:00Z');
        INSERT INTO project (client_id, name, status, created_at) VALUES (1, 'p', 'enabled', '2026-03-10T11:00:00Z');
        INSERT INTO project_service (project_id, service_id, max_requests, reset_frequency, last_reset, next_reset, anchor_day, assigned_at)
        SELECT 1, n, -1, 'monthly', '2026-03-01T00:00:00Z', '2026-04-01T00:00:00Z', 1, '2026-03-10T11:00:00Z' FROM generate_series(1, 3) AS n;
        INSERT INTO environment (project_id, name, status, created_at) VALUES (1, 'e', 'enabled', '2026-03-10T11:00:00Z');
        INSERT INTO environment_service (environment_id, service_id, project_id, max_requests, granted_units, consumed_units, assigned_at, counted_since, first_expiry)
        VALUES (1, 1, 1, 100, 100, 10, '2026-03-10T11:00:00Z', '2026-03-01T00:00:00Z', '2026-03-10T12:15:00Z'),
               (1, 2, 1, -1, 0, 0, '2026-03-10T11:00:00Z', '2026-03-01T00:00:00Z', '2026-03-10T13:00:00Z'),
               (1, 3, 1, 50, 50, 0, '2026-03-10T11:00:00Z', '2026-03-01T00:00:00Z', '2026-03-10T12:00:00Z');
        INSERT INTO api_key (environment_id, key_hash, key_mask, key_ciphertext, key_material_id, status, last_used, created_at)
        SELECT 1, sha256('k'::bytea), 'pdk_...ArjF', '\x00', 'm', 'enabled', used, '2026-03-10T11:00:00Z'
          FROM (VALUES ('2026-03-10T12:00:00Z'::timestamptz)) AS use (used);
        INSERT INTO logged_key (api_key_id, environment_id, project_id, client_id, key_mask, environment_name, project_name, client_name)
        VALUES (1, 1, 1, 1, 'pdk_...ArjF', 'e', 'p', 'c');
        INSERT INTO logged_service (service_id, name, version) VALUES (1, 'service 1', '1'), (2, 'service 2', '1');
        INSERT INTO request (id, request_time, units, counter_id, logged_key_id, logged_service_id, outcome, status_code, method, path, ip_address)
        SELECT id::uuid, '2026-03-10T12:00:00Z', units, counter_id, logged_key_id, logged_service_id, outcome, status_code, 0, '/', '192.0.2.7'
          FROM (VALUES ('{Call}', 7, 1, 1, 1, 1, 200), ('{HoldingCall}', 3, 1, 1, 1, 0, 0), ('{RefusedCall}', 0, 0, 1, 1, 11, 401),
                       ('{Validation}', 0, 0, 1, 1, 0, 0), ('{Stranger}', 0, 0, 0, 0, 19, 401), ('{BoundlessCall}', 0, 0, 1, 2, 0, 0))
            AS call (id, units, counter_id, logged_key_id, logged_service_id, outcome, status_code);
        INSERT INTO reservation (id, counter_id, request_id, quantity, units, expires_at)
        VALUES ('{Held}', 1, '{HoldingCall}', 3, 3, '2026-03-10T12:15:00Z'),
               ('{Boundless}', 2, '{BoundlessCall}', 5, 0, '2026-03-10T13:00:00Z');
        INSERT INTO remembered_answer (id, content_hash, answered_at, request_id, reason, logged_key_id, available)
        VALUES (sha256('call'), sha256(''), '2026-03-10T12:00:00Z', '{Call}', 0, 1, 93),
               (sha256('refused'), sha256(''), '2026-03-10T12:00:00Z', '{RefusedCall}', 1, 1, 90);
        """;
}
