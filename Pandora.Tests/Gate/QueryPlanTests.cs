using System.Text;
using System.Text.RegularExpressions;
using Npgsql;
using Pandora.Core.Gate;
using Pandora.Core.Gate.Cache;
using Pandora.Core.Gate.Ledger;
using Pandora.Core.Persistence;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>
/// The plans of the gate's statements on a database of some size, as the lanes use them: prepared, made once for any
/// arguments. None may read through a table that grows.
/// </summary>
public sealed partial class QueryPlanTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private static readonly string[] Growing =
    [
        "environment_service", "api_key", "reservation", "environment", "project", "client", "service", "project_service",
        "logged_key", "logged_service", "remembered_answer", "directory_change",
    ];

    private const string Calls =
        "bigint, timestamptz, int[], timestamptz[], uuid[], timestamptz[], int[], int[], smallint[], smallint[], text[], text[], int[], bigint[], bigint[], bigint[]";

    /// <summary>Each with the types of its arguments.</summary>
    public static TheoryData<string, string> Statements => new()
    {
        { nameof(LedgerSql.CommitBatch), Calls },
        { nameof(LedgerSql.CommitBatchWithTexts), Calls + ", text[], text[], text[], text[], text[], text[], text[], text[], text[]" },
        { nameof(KeyFactsSql.ReadFacts), "bytea[], text[], text[]" },
        { nameof(KeyFactsSql.ReadChanges), "bigint, int" },
        { nameof(GateSql.Reserve), "uuid[], int[], uuid[], bigint[], timestamptz[]" },
        { nameof(GateSql.NoteFirstUse), "int[], uuid[], timestamptz" },
        { nameof(GateSql.NoteLastUse), "int[], uuid[], timestamptz" },
        { nameof(GateSql.LockCounters), "int[]" },
        { nameof(GateSql.SettleExpired), "int[], timestamptz, int" },
        { nameof(GateSql.LockUnsettled), "timestamptz, int" },
        { nameof(GateSql.ConfirmReservations), "uuid[], timestamptz" },
        { nameof(GateSql.EndReservations), "uuid[], timestamptz, bigint[]" },
        { nameof(GateSql.FindReservations), "uuid[], timestamptz" },
        { nameof(GateSql.StoreOutcomes), "uuid[], smallint[], smallint[], text[]" },
        { nameof(GateSql.ReadOutcomes), "uuid[]" },
        { nameof(GateSql.TakeBack), "uuid[], uuid[], bytea[], uuid[]" },
    };

    public async ValueTask InitializeAsync()
    {
        if (await pandora.Node.ScalarAsync<bool>("SELECT EXISTS (SELECT FROM api_key)"))
        {
            return;
        }
        await pandora.Node.ExecuteAsync(Seed);
        await pandora.Node.ExecuteAsync("ANALYZE");
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [MemberData(nameof(Statements))]
    public async Task No_statement_of_the_gate_reads_through_a_table_that_grows(string name, string types)
    {
        await using var lanes = DatabaseConnection.ForLanes(pandora.Node.ConnectionString);
        await using var connection = await lanes.OpenConnectionAsync(TestContext.Current.CancellationToken);

        var plan = await ExplainAsync(connection, SqlOf(name), types);

        AssertReadsNoTableWhole(name, plan, IsGrowing);
    }

    internal static void AssertReadsNoTableWhole(string name, string plan, Func<string, bool> isGrowing)
    {
        var scanned = ReadWhole(plan.Split('\n')).Where(isGrowing).ToList();
        Assert.True(scanned.Count == 0, $"{name} reads all of {string.Join(", ", scanned)}:\n{plan}");
    }

    private static bool IsGrowing(string table) =>
        Growing.Contains(table) || table.StartsWith("request_", StringComparison.Ordinal);

    /// <summary>Tables that are read from end to end: with no index, or with one but no condition on it.</summary>
    private static IEnumerable<string> ReadWhole(string[] plan)
    {
        for (var i = 0; i < plan.Length; i++)
        {
            var scan = Scan().Match(plan[i]);
            if (scan.Success && (scan.Groups["index"].Length == 0 || !plan[i + 1].Contains("Index Cond", StringComparison.Ordinal)))
            {
                yield return scan.Groups["table"].Value;
            }
        }
    }

    internal static string SqlOf(string name) =>
        (string)(typeof(LedgerSql).GetField(name) ?? typeof(KeyFactsSql).GetField(name) ?? typeof(GateSql).GetField(name))!
            .GetValue(null)!;

    /// <summary>Any arguments will do: a generic plan is made without looking at them.</summary>
    internal static async Task<string> ExplainAsync(NpgsqlConnection connection, string sql, string types)
    {
        await using var prepare = new NpgsqlCommand($"PREPARE asked ({types}) AS {sql}", connection);
        await prepare.ExecuteNonQueryAsync();
        var arguments = string.Join(", ", types.Split(", ").Select(_ => "NULL"));
        await using var explain = new NpgsqlCommand($"EXPLAIN EXECUTE asked ({arguments})", connection);
        await using var reader = await explain.ExecuteReaderAsync();
        var plan = new StringBuilder();
        while (await reader.ReadAsync())
        {
            plan.AppendLine(reader.GetString(0));
        }
        return plan.ToString();
    }

    [GeneratedRegex(@"(Seq Scan|Index (Only )?Scan (Backward )?using (?<index>\w+)) on (?<table>\w+)")]
    private static partial Regex Scan();

    // Half a million rows, in the shape that matters: many environments with a counter and keys, and a log.
    private const string Seed =
        """
        INSERT INTO client (type, name, email, email_folded, created_at)
        SELECT 'developer', 'c' || i, i || '@b.org', i || '@b.org', now() FROM generate_series(1, 1000) AS i;
        INSERT INTO service (name, version, status, created_at) SELECT 's' || i, '1', 'enabled', now() FROM generate_series(1, 2000) AS i;
        INSERT INTO project (name, client_id, status, created_at)
        SELECT 'p' || i, id, 'enabled', now() FROM client, generate_series(1, 10) AS i;
        INSERT INTO project_service (project_id, service_id, max_requests, reset_frequency, last_reset, next_reset, anchor_day, assigned_at)
        SELECT id, (SELECT min(id) FROM service) + id % 2000, -1, 'daily', now(), now() + '1 day', 1, now() FROM project;
        INSERT INTO environment (name, project_id, status, created_at)
        SELECT 'e' || i, project.id, 'enabled', now() FROM project, generate_series(1, 5) AS i;
        INSERT INTO environment_service (environment_id, service_id, project_id, max_requests, granted_units, consumed_units, counted_since, assigned_at)
        SELECT environment.id, service_id, project_id, 1000, 1000, 1, last_reset, now() FROM environment JOIN project_service USING (project_id);
        INSERT INTO api_key (environment_id, key_hash, key_mask, key_ciphertext, key_material_id, status, created_at)
        SELECT id, sha256((id || '-' || i)::bytea), '...', '', '', 'enabled', now() FROM environment, generate_series(1, 2) AS i;
        INSERT INTO logged_key (api_key_id, environment_id, project_id, client_id, key_mask, environment_name, project_name, client_name)
        SELECT k.id, e.id, p.id, c.id, k.key_mask, e.name, p.name, c.name
          FROM api_key k JOIN environment e ON e.id = k.environment_id JOIN project p ON p.id = e.project_id JOIN client c ON c.id = p.client_id;
        INSERT INTO logged_service (service_id, name, version) SELECT id, name, version FROM service;
        INSERT INTO request (id, request_time, units, counter_id, logged_key_id, logged_service_id, outcome, status_code, method, path, ip_address)
        SELECT (lpad(to_hex(1773144000000 + row_number() OVER ()), 12, '0') || '70008' || substr(md5(es.id::text || i), 1, 15))::uuid,
               now(), 1, es.id, 1, 1, 0, 0, 0, '/', '::1'
          FROM environment_service es, generate_series(1, 3) AS i;
        INSERT INTO reservation (id, counter_id, request_id, quantity, units, expires_at)
        SELECT gen_random_uuid(), counter_id, id, 1, 1, now() FROM request WHERE counter_id % 2 = 0;
        INSERT INTO remembered_answer (id, content_hash, answered_at, request_id, reason, logged_key_id, available)
        SELECT sha256(id::text::bytea), sha256(''), now(), id, 0, 1, 1 FROM request LIMIT 50000;
        """;
}
