using System.Text;
using System.Text.RegularExpressions;
using Npgsql;
using Pandora.Core.Gate;
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
        "request", "environment_service", "api_key", "reservation", "environment", "project", "client", "service", "project_service",
        "logged_key", "logged_service", "remembered_answer", "directory_change",
    ];

    // Half of what a lane is given: a batch of one and a batch of hundreds use the same plan.
    private const int BatchSize = 100;

    public static TheoryData<string> Statements =>
    [
        nameof(LedgerSql.CommitBatch), nameof(LedgerSql.CommitBatchWithTexts), nameof(DirectorySql.ReadFacts),
        nameof(DirectorySql.ReadChanges), nameof(GateSql.Reserve), nameof(GateSql.NoteFirstUse), nameof(GateSql.NoteLastUse),
        nameof(GateSql.LockCounters), nameof(GateSql.SettleExpired), nameof(GateSql.ConfirmReservation),
        nameof(GateSql.EndReservation), nameof(GateSql.FindReservation), nameof(GateSql.TakeBack),
    ];

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
    public async Task No_statement_of_the_gate_reads_through_a_table_that_grows(string name)
    {
        await using var lanes = DatabaseConnection.ForLanes(pandora.Node.ConnectionString);
        await using var connection = await lanes.OpenConnectionAsync(TestContext.Current.CancellationToken);

        var plan = await ExplainAsync(connection, SqlOf(name));

        var scanned = ScannedTable().Matches(plan).Select(match => match.Groups[1].Value).Where(table =>
            Growing.Any(growing => table == growing || table.StartsWith(growing + "_2", StringComparison.Ordinal))).ToList();
        Assert.True(scanned.Count == 0, $"{name} reads all of {string.Join(", ", scanned)}:\n{plan}");
    }

    private static string SqlOf(string name) =>
        (string)(typeof(LedgerSql).GetField(name) ?? typeof(DirectorySql).GetField(name) ?? typeof(GateSql).GetField(name))!
            .GetRawConstantValue()!;

    /// <summary>Any arguments will do: a generic plan is made without looking at them.</summary>
    private static async Task<string> ExplainAsync(NpgsqlConnection connection, string sql)
    {
        await using var prepare = new NpgsqlCommand($"SET plan_cache_mode = force_generic_plan; PREPARE asked AS {sql}", connection);
        prepare.AllResultTypesAreUnknown = true;
        await prepare.ExecuteNonQueryAsync();
        var parameters = Parameter().Matches(sql).Select(match => int.Parse(match.Value[1..], System.Globalization.CultureInfo.InvariantCulture)).Max();
        var arguments = string.Join(", ", Enumerable.Repeat("NULL", parameters));
        await using var explain = new NpgsqlCommand($"EXPLAIN (COSTS ON) EXECUTE asked ({arguments})", connection);
        await using var reader = await explain.ExecuteReaderAsync();
        var plan = new StringBuilder();
        while (await reader.ReadAsync())
        {
            plan.AppendLine(reader.GetString(0));
        }
        return plan.ToString();
    }

    [GeneratedRegex(@"Seq Scan on (\w+)")]
    private static partial Regex ScannedTable();

    [GeneratedRegex(@"\$\d+")]
    private static partial Regex Parameter();

    private const string Seed =
        """
        INSERT INTO client (type, name, email, created_at) SELECT 'developer', 'c' || i, i || '@b.org', now() FROM generate_series(1, 1000) AS i;
        INSERT INTO service (name, version, status, created_at) SELECT 's' || i, '1', 'enabled', now() FROM generate_series(1, 2000) AS i;
        INSERT INTO project (name, client_id, status, created_at) SELECT 'p' || i, i % 1000 + 1, 'enabled', now() FROM generate_series(1, 5000) AS i;
        INSERT INTO environment (name, project_id, status, created_at) SELECT 'e' || i, i % 5000 + 1, 'enabled', now() FROM generate_series(1, 50000) AS i;
        """;
}
