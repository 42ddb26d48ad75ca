using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pandora.Core.Persistence.Migrations;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

/// <summary>A database of an earlier version, with data in it, becomes one of this version and keeps them.</summary>
public sealed class UpgradeTests(TestServer server)
{
    /// <summary>As version 1 left it at noon of 10 March 2026: service 1 is due since midnight, service 2 is not.</summary>
    private const string Version1 =
        """
        INSERT INTO service (name, version, status, created_at)
        VALUES ('mail', '1', 'enabled', '2026-01-01'), ('maps', '2', 'deprecated', '2026-01-02'), ('free', '3', 'disabled', '2026-01-03');
        INSERT INTO client (type, name, email, email_folded, created_at) VALUES ('developer', 'Ann', 'Ann@example.org', 'ann@example.org', '2026-01-01');
        INSERT INTO project (client_id, name, status, created_at) VALUES (1, 'shop', 'enabled', '2026-01-01');
        INSERT INTO environment (project_id, name, status, created_at) VALUES (1, 'live', 'enabled', '2026-01-01'), (1, 'test', 'disabled', '2026-01-02');
        INSERT INTO project_service VALUES
            (1, 1, 1000, 'daily', '2026-03-10', 1, '2026-01-01'),
            (1, 2, 1000, 'monthly', '2026-03-31', 31, '2026-01-31 08:30'),
            (1, 3, -1, 'weekly', '2026-03-15', 1, '2026-01-01');
        INSERT INTO environment_service VALUES
            (1, 1, 1, 100, 7, '2026-01-01'), (1, 2, 1, 50, 20, '2026-02-01'), (1, 3, 1, -1, -1, '2026-02-02'), (2, 2, 1, 30, 0, '2026-02-03');
        INSERT INTO api_key (environment_id, key_hash, key_mask, key_ciphertext, key_material_id, status, expires_at, last_used, created_at)
        VALUES (1, sha256('a'), 'pdk_...Ab12', 'sealed', 'm1', 'enabled', NULL, '2026-03-09', '2026-01-01'),
               (2, sha256('b'), '...', 'sealed too', 'm1', 'disabled', '2030-01-01', NULL, '2026-01-02');
        CREATE TABLE request_20260301_20260401 PARTITION OF request
            FOR VALUES FROM ('019ca6b1-dc00-0000-0000-000000000000') TO ('019d4657-0000-0000-0000-000000000000');
        INSERT INTO request
        SELECT id, at, at - interval '1 second', key, 1, 1, 1, service, status, reason, code, 2, 'pdk_...Ab12', environment, 'shop', 'Ann', name, '1',
               '/orders', '192.0.2.7', detail, 'body', 'cookies', 'headers', 'query', 'text/plain'
          FROM (VALUES
               ('019cd6f9-7a80-7000-8000-000000000001'::uuid, '2026-03-10 09:00'::timestamptz, 1, 1, 'mail', 'live', 1, 0, 200, ''),
               ('019cd6f9-7a80-7000-8000-000000000002', '2026-03-10 09:00', 1, 1, 'mail', 'called live before', 0, 0, 0, ''),
               ('019cd6f9-7a80-7000-8000-000000000003', '2026-03-10 09:00', 1, NULL, 'no such', 'live', 4, 6, 401, ''),
               ('019b6f21-1e00-7000-8000-000000000004', '2025-12-30 12:00', 1, 2, 'maps', 'live', 3, 0, 503, 'upstream'))
            AS row (id, at, key, service, name, environment, status, reason, code, detail);
        INSERT INTO request
        SELECT '019cd6f9-7a80-7000-8000-000000000005', '2026-03-10 09:00', '2026-03-10 09:00', NULL, NULL, NULL, NULL, 1, 4, 9, 401, 0,
               'bad...', '', '', '', 'mail', '1', '/', '192.0.2.8', '', '', '', '', '', '';
        INSERT INTO installation VALUES ('api_key_pepper', 'none');
        INSERT INTO usage_hourly VALUES (1, 1, '2026-03-10 09:00', 2, 0, 93);
        """;

    /// <summary>What both versions tell of the records, in the words of version 1.</summary>
    private const string Records =
        """
        SELECT string_agg(kept, E'\n' ORDER BY kept)
          FROM (SELECT to_jsonb(row)::text FROM service row
                UNION ALL SELECT to_jsonb(row)::text FROM client row
                UNION ALL SELECT to_jsonb(row)::text FROM project row
                UNION ALL SELECT to_jsonb(row)::text FROM environment row
                UNION ALL SELECT to_jsonb(row)::text FROM api_key row
                UNION ALL SELECT (to_jsonb(row) - 'last_reset')::text FROM project_service row
                UNION ALL SELECT jsonb_build_array(environment_id, service_id, project_id, max_requests, available_requests, assigned_at)::text
                            FROM environment_service) AS all_of_them (kept)
        """;

    private const string Log1 =
        """
        SELECT string_agg(to_jsonb(row)::text, E'\n' ORDER BY row.id)
          FROM (SELECT id, tableoid::regclass::text AS partition, request_time, api_key_id, environment_id, project_id, client_id, service_id,
                       execution_status, unauthorized_reason, status_code, method, key_mask,
                       environment_name, project_name, client_name, service_name, service_version, path, ip_address, detail,
                       metadata_body, metadata_cookies, metadata_headers, metadata_query_params, metadata_content_type
                  FROM request) AS row
        """;

    private const string Log2 =
        """
        SELECT string_agg(to_jsonb(row)::text, E'\n' ORDER BY row.id)
          FROM (SELECT r.id, r.tableoid::regclass::text AS partition, request_time, api_key_id, environment_id, project_id, client_id, service_id,
                       CASE WHEN outcome < 10 THEN outcome ELSE 4 END AS execution_status,
                       CASE WHEN outcome < 10 THEN 0 ELSE outcome - 10 END AS unauthorized_reason, status_code, method,
                       coalesce(k.key_mask, r.key_mask) AS key_mask,
                       coalesce(k.environment_name, '') AS environment_name, coalesce(k.project_name, '') AS project_name,
                       coalesce(k.client_name, '') AS client_name,
                       coalesce(s.name, r.service_name) AS service_name, coalesce(s.version, r.service_version) AS service_version,
                       path, ip_address, detail,
                       metadata_body, metadata_cookies, metadata_headers, metadata_query_params, metadata_content_type
                  FROM request r
                  LEFT JOIN logged_key k ON k.id = logged_key_id
                  LEFT JOIN logged_service s ON s.id = logged_service_id) AS row
        """;

    [Fact]
    public async Task Every_earlier_version_with_data_is_brought_up_to_date_by_the_migration_service_and_again_without_effect()
    {
        for (var version = 1; version < Migration.All.Count; version++)
        {
            var database = await server.CreateDatabaseAsync(empty: true);
            await MigrateAsync(database, 1);
            await TestAccount.CreateAsync(database);
            await ScalarAsync(database, Version1);
            await MigrateAsync(database, version);
            var records = await ScalarAsync(database, Records);

            await MigrateByServiceAsync(database, $"; {Migration.All.Count - version} migrations were applied now.");
            await MigrateByServiceAsync(database, "; 0 migrations were applied now.");

            Assert.Equal(records, await ScalarAsync(database, Records));
            await using var node = await TestNode.StartAsync(database, new TestClock());
            Assert.Equal("shop", (await node.Rest.GetAsync("/projects/1")).Value("name"));
            await node.ExpectProvenBooksAsync();
        }
    }

    [Fact]
    public async Task Version_3_keeps_the_log_of_version_2_and_takes_what_version_2_refused()
    {
        var database = await server.CreateDatabaseAsync(empty: true);
        await MigrateAsync(database, 1);
        await TestAccount.CreateAsync(database);
        await ScalarAsync(database, Version1);
        await MigrateAsync(database, 2);
        var log = await ScalarAsync(database, Log2);

        await MigrateAsync(database, 3);

        Assert.Equal(log, await ScalarAsync(database, Log2));
        Assert.Equal("304 PROPFIND", await ScalarAsync(database, """
            UPDATE request SET outcome = 1, status_code = 304, method = 9, method_name = 'PROPFIND'
             WHERE id = (SELECT id FROM request WHERE outcome IN (0, 1) ORDER BY id LIMIT 1)
            RETURNING status_code || ' ' || method_name
            """));
        foreach (var broken in new[] { "method = 10", "outcome = 1, status_code = 400", "outcome = 0, status_code = 200" })
        {
            await Assert.ThrowsAsync<PostgresException>(() => ScalarAsync(database, $"UPDATE request SET {broken}"));
        }
    }

    [Fact, Checklist(67)]
    public async Task Version_1_with_data_becomes_version_2()
    {
        var database = await server.CreateDatabaseAsync(empty: true);
        await MigrateAsync(database, 1);
        await TestAccount.CreateAsync(database);
        await ScalarAsync(database, Version1);
        var (records, log) = (await ScalarAsync(database, Records), await ScalarAsync(database, Log1));

        await MigrateAsync(database, 2);

        Assert.Equal(records, await ScalarAsync(database, Records));
        Assert.Equal(log, await ScalarAsync(database, Log2));
        Assert.Equal("2, 2", await ScalarAsync(database, "SELECT concat_ws(', ', (SELECT count(*) FROM logged_key), (SELECT count(*) FROM logged_service))"));
        Assert.Equal(5, log!.Split('\n').Length);
    }

    [Fact]
    public async Task Quotas_of_version_1_go_on_where_they_were()
    {
        var database = await server.CreateDatabaseAsync(empty: true);
        await MigrateAsync(database, 1);
        await TestAccount.CreateAsync(database);
        await ScalarAsync(database, Version1);
        await MigrateAsync(database, Migration.All.Count);
        await using var node = await TestNode.StartAsync(database, new TestClock());

        // Newest assignment first; what is used of the daily one came back at midnight.
        var live = await node.Rest.GetAsync("/environments/1");
        Assert.Equal(
            ("-1", "20", "100"),
            (live.Value("services.0.available_requests"), live.Value("services.1.available_requests"), live.Value("services.2.available_requests")));
        Assert.Equal("0", (await node.Rest.GetAsync("/environments/2")).Value("services.0.available_requests"));
        var project = await node.Rest.GetAsync("/projects/1");
        Assert.Equal(
            ["1 2026-03-11T00:00:00Z", "2 2026-03-31T00:00:00Z", "3 2026-03-15T00:00:00Z"],
            project.Json["services"]!.AsArray().Select(service => $"{service!["id"]} {service["next_reset"]}").Order());

        Assert.Equal("30", (await node.Rest.PatchAsync("/environments/1/services/2", new { max_requests = 60 })).Value("available_requests"));
        Assert.Equal("100", (await node.Rest.PatchAsync("/environments/1/services/1", new { max_requests = 100 })).Value("available_requests"));
        Assert.Equal("9", (await node.Rest.PatchAsync("/environments/1/services/3", new { max_requests = 9 })).Value("available_requests"));
        var reset = await node.Rest.PostAsync("/projects/1/services/2/reset-requests");
        Assert.Equal(("30", "60"), (
            reset.Value("environment_services.0.service.available_requests"), reset.Value("environment_services.1.service.available_requests")));
        await node.ExpectProvenBooksAsync();
    }

    private static async Task MigrateByServiceAsync(string database, string lastWords)
    {
        await using var service = PandoraProcess.Start("Pandora.MigrationService.dll", folder: null, ("ConnectionStrings__pandora", database));
        Assert.Equal(0, await service.EndAsync());
        Assert.EndsWith(lastWords, service.Output.Last(), StringComparison.Ordinal);
    }

    private static Task<IReadOnlyList<string>> MigrateAsync(string database, int version) =>
        Migrator.MigrateAsync(database, [.. Migration.All.Take(version)], NullLogger.Instance, TestContext.Current.CancellationToken);

    /// <returns>The first column of the first row, as text.</returns>
    private static async Task<string?> ScalarAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken) as string;
    }
}
