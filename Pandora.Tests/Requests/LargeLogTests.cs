using System.Data.Common;
using System.Net;
using System.Text;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pandora.Core.Persistence;
using Pandora.Core.Persistence.Partitions;
using Pandora.Core.Telemetry;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Requests;

/// <summary>A log of many rows over several partitions: pages, and how the database finds them.</summary>
public sealed class LargeLogTests(LargeLog log) : IClassFixture<LargeLog>
{
    [Fact, Checklist(54)]
    public async Task A_list_without_limit_is_a_first_page_with_a_link()
    {
        foreach (var list in (string[])["/requests", $"/services/{LargeLog.Service}/requests"])
        {
            var answer = (await log.Node.Rest.GetAsync(list)).Expect(HttpStatusCode.OK);

            Assert.Equal(100, answer.Json.AsArray().Count);
            Assert.Contains("limit=100", answer.NextPage!, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Pages_follow_each_other_without_gap_and_keep_their_filters()
    {
        var from = LargeLog.End.AddMinutes(-1000).UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);
        var path = $"/requests?service_id={LargeLog.Service}&request_time_from={from}";
        var whole = (await log.Node.Rest.GetAsync(path + "&limit=1000")).Expect(HttpStatusCode.OK);
        Assert.Null(whole.NextPage);

        var ids = new List<string>();
        var answer = await log.Node.Rest.GetAsync(path + "&limit=7");
        while (true)
        {
            ids.AddRange(answer.Expect(HttpStatusCode.OK).Json.AsArray().Select(row => (string)row!["id"]!));
            if (answer.NextPage is not { } next)
            {
                break;
            }
            Assert.Contains($"service_id={LargeLog.Service}", next, StringComparison.Ordinal);
            answer = await log.Node.Rest.SendAsync(new HttpRequestMessage(HttpMethod.Get, next));
        }

        Assert.True(ids.Count > 30);
        Assert.Equal(whole.Json.AsArray().Select(row => (string)row!["id"]!), ids);
    }

    [Theory]
    [InlineData("")]
    [InlineData("api_key_id=7")]
    [InlineData("environment_id=7")]
    [InlineData("project_id=7")]
    [InlineData("client_id=3")]
    [InlineData("service_id=2")]
    [InlineData("execution_status=server_error")]
    [InlineData("execution_status=forwarded")]
    [InlineData("execution_status=quota_exceeded")]
    [InlineData("unauthorized_reason=API_KEY_INVALID")]
    [InlineData("request_time_from=2025-12-01T00:00:00Z&request_time_to=2025-12-02T00:00:00Z")]
    [InlineData("service_id=2&execution_status=server_error")]
    [InlineData("client_id=3&request_time_to=2025-12-02T00:00:00Z")]
    [InlineData("client_id=3&service_id=2&execution_status=forwarded")]
    [InlineData("client_id=3&execution_status=server_error")]
    [InlineData("api_key_id=7&service_id=1")]
    public async Task No_page_scans_the_log_however_deep_it_is(string filter)
    {
        var first = await log.ExplainAsync($"/requests?limit=50&{filter}");
        var deep = await log.ExplainAsync($"/requests?limit=50&{filter}&cursor={await DeepCursorAsync()}");

        foreach (var plan in (string[])[first, deep])
        {
            Assert.DoesNotContain(plan.Split('\n'), LargeLog.ReadsAllOfAPartition);
            Assert.DoesNotContain("metadata", plan, StringComparison.Ordinal);
            Assert.True(LargeLog.RowsRead(plan) <= 4_000, plan);
        }
    }

    [Theory]
    [InlineData("client_id=6&service_id=4")]
    [InlineData("client_id=6&service_id=5")]
    [InlineData("client_id=6&execution_status=server_error")]
    [InlineData("client_id=6&service_id=4&execution_status=server_error")]
    public async Task A_second_filter_is_not_looked_for_key_by_key(string filter)
    {
        var first = await log.ExplainAsync($"/requests?limit=50&{filter}");
        var deep = await log.ExplainAsync($"/requests?limit=50&{filter}&cursor={await DeepCursorAsync()}");

        foreach (var plan in (string[])[first, deep])
        {
            Assert.DoesNotContain(plan.Split('\n'), LargeLog.ReadsAllOfAPartition);
            Assert.All(plan.Split('\n'), line => Assert.True(LargeLog.Number(line, "loops=") <= 200, plan));
            Assert.True(LargeLog.RowsRead(plan) <= 12_000, plan);
        }
    }

    [Theory]
    [InlineData("client_id=6", "logged_key_id > 500")]
    [InlineData("client_id=6&service_id=4", "logged_key_id > 500 AND logged_service_id = 4")]
    [InlineData("client_id=6&service_id=5&execution_status=server_error", "logged_key_id > 500 AND logged_service_id = 5 AND outcome = 3")]
    [InlineData("client_id=6&service_id=1", "false")]
    [InlineData("project_id=7&execution_status=client_error", "logged_key_id <= 500 AND logged_key_id % 10 = 7 AND outcome = 2")]
    public async Task The_pages_of_many_keys_are_together_the_whole_list(string filter, string condition)
    {
        var expected = await log.Node.ScalarAsync<Guid[]>(
            $"SELECT coalesce(array_agg(id ORDER BY request_time DESC, id DESC), '{{}}') FROM request WHERE {condition}");

        Assert.Equal(expected, await log.Node.AllIdsAsync($"/requests?limit=450&{filter}"));
        Assert.Equal(expected.Take(101), (await log.Node.Rest.GetAsync($"/requests?limit=101&{filter}")).Json.AsArray().Select(row => Guid.Parse((string)row!["id"]!)));
    }

    [Fact]
    public async Task One_row_is_found_in_its_partition_alone()
    {
        var id = (string)(await log.Node.Rest.GetAsync("/requests?limit=1")).Json[0]!["id"]!;

        var plan = await log.ExplainAsync($"/requests/{id}");

        Assert.DoesNotContain("Append", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("Seq Scan on request", plan, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_report_finds_its_row_in_its_partition_alone()
    {
        var id = (string)(await log.Node.Rest.GetAsync("/requests?limit=1")).Json[0]!["id"]!;

        var plan = await log.PlanAsync("UPDATE request SET outcome = 1, status_code = 200 WHERE id = $1 AND outcome = 0", Guid.Parse(id));

        Assert.DoesNotContain("Seq Scan", plan, StringComparison.Ordinal);
        Assert.Single(plan.Split('\n'), line => line.Contains("Index Scan using request_", StringComparison.Ordinal));
    }

    [Fact]
    public async Task No_deletion_touches_the_log()
    {
        var records = await new Scenario(log.Node).RecordsAsync();
        var ct = TestContext.Current.CancellationToken;
        await using var holder = new NpgsqlConnection(log.Node.ConnectionString);
        await holder.OpenAsync(ct);
        await using var transaction = await holder.BeginTransactionAsync(ct);
        await using var hold = new NpgsqlCommand("LOCK TABLE request IN ACCESS EXCLUSIVE MODE", holder);
        await hold.ExecuteNonQueryAsync(ct);

        foreach (var record in (string[])[
            $"api-keys/{records.Key}",
            $"environments/{records.Environment}",
            $"projects/{records.Project}",
            $"clients/{records.Client}",
            $"services/{records.Service}"])
        {
            (await log.Node.Rest.DeleteAsync($"/{record}")).Expect(HttpStatusCode.NoContent);
        }
    }

    /// <summary>Half-way through the log.</summary>
    private async Task<string> DeepCursorAsync()
    {
        var middle = await log.Node.Rest.GetAsync("/requests?limit=1&request_time_to=2025-12-15T00:00:00Z");
        return middle.NextPage!.Split("cursor=")[1];
    }
}

/// <summary>A node whose log has many rows in monthly partitions, and which explains what it asks the database.</summary>
public sealed class LargeLog(TestServer server) : IAsyncLifetime
{
    internal const int Service = 2;
    private const int Rows = 60_000;

    internal static readonly DateTimeOffset End = new(2026, 3, 10, 12, 0, 0, TimeSpan.Zero);

    /// <summary>
    /// A client of 2 000 keys, which call service 4 now and then; one calls service 5 more often than that, and once 11 000
    /// times within a minute.
    /// </summary>
    private const string ManyKeys =
        """
        WITH key AS (
            INSERT INTO logged_key (api_key_id, environment_id, project_id, client_id, key_mask, environment_name, project_name, client_name)
            SELECT 1000 + n, 21, 11, 6, '...', 'e', 'p', 'c' FROM generate_series(1, 2000) n
            RETURNING id),
        service AS (INSERT INTO logged_service (service_id, name, version) SELECT n, 's', '1' FROM generate_series(4, 5) n RETURNING id, service_id),
        call AS (
            SELECT n, $1::timestamptz + n * interval '20 minutes' AS at, (SELECT min(id) FROM key) + n % 2000 AS key, 4 AS service
              FROM generate_series(1, 10000) n
            UNION ALL
            SELECT n, $1 + CASE WHEN n % 20 > 10 THEN n * interval '6 minutes' ELSE interval '60 days' + n * interval '3 milliseconds' END,
                   (SELECT min(id) FROM key), 5
              FROM generate_series(10001, 30000) n)
        INSERT INTO request (id, request_time, units, counter_id, logged_key_id, logged_service_id, outcome, status_code, method, path, ip_address)
        SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000' || '8' || substr(md5(n::text), 1, 15))::uuid,
               at, 0, 0, key, service.id, CASE WHEN n % 100 = 19 THEN 3 ELSE 1 END, CASE WHEN n % 100 = 19 THEN 500 ELSE 200 END, 0, '/', '::1'
          FROM call JOIN service ON service_id = service
        """;

    private readonly Explaining _explaining = new();

    internal TestNode Node { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var connectionString = await server.CreateDatabaseAsync();
        var begin = End.AddMonths(-5);
        await using (var dataSource = NpgsqlDataSource.Create(connectionString))
        {
            await using var metrics = new ServiceCollection().AddMetrics().AddSingleton<NodeMeters>().BuildServiceProvider();
            foreach (var at in (DateTimeOffset[])[begin, begin.AddMonths(3), End])
            {
                using var keeper = new RequestPartitionKeeper(
                    dataSource,
                    0,
                    new TestClock(new DateTimeOffset(at.Year, at.Month, 1, 0, 0, 0, TimeSpan.Zero)),
                    metrics.GetRequiredService<NodeMeters>(),
                    NullLogger<RequestPartitionKeeper>.Instance);
                await keeper.RunOnceAsync(CancellationToken.None);
            }
        }
        Node = await TestNode.StartAsync(
            connectionString,
            new TestClock(End),
            adjust: builder => builder.Services.ConfigureDbContext<PandoraDb>(db => db.AddInterceptors(_explaining)));
        await Node.LogManyAsync(Rows, begin, End);
        await Node.ExecuteAsync(ManyKeys, begin.UtcDateTime);
        await Node.ExecuteAsync("ANALYZE request; ANALYZE logged_key; ANALYZE logged_service");
        await Node.ExecuteAsync(
            """
            INSERT INTO service (name, version, status, created_at) SELECT n, '1', 'enabled', now() FROM generate_series(1, 5) n;
            INSERT INTO client (type, name, email, email_folded, created_at) SELECT 'developer', n, n, n, now() FROM generate_series(1, 6) n;
            INSERT INTO project (client_id, name, status, created_at) SELECT 1 + (n - 1) % 5, n, 'enabled', now() FROM generate_series(1, 10) n;
            INSERT INTO environment (project_id, name, status, created_at) SELECT 1 + (n - 1) % 10, n, 'enabled', now() FROM generate_series(1, 20) n;
            INSERT INTO api_key (environment_id, key_hash, key_mask, key_ciphertext, key_material_id, status, created_at)
            SELECT 1 + (n - 1) % 20, sha256(n::text::bytea), '...', '', '', 'enabled', now() FROM generate_series(1, 500) n
            """);
    }

    /// <summary>The plans of what one call asks of the log, with what really happened.</summary>
    internal async Task<string> ExplainAsync(string path)
    {
        _explaining.Plans = new StringBuilder();
        (await Node.Rest.GetAsync(path)).Expect(HttpStatusCode.OK);
        return _explaining.Plans.ToString();
    }

    /// <summary>The plan of a statement that is not run.</summary>
    internal async Task<string> PlanAsync(string sql, Guid parameter)
    {
        await using var connection = new NpgsqlConnection(Node.ConnectionString);
        await connection.OpenAsync();
        await using var explain = new NpgsqlCommand("EXPLAIN (COSTS OFF) " + sql, connection);
        explain.Parameters.AddWithValue(parameter);
        await using var reader = await explain.ExecuteReaderAsync();
        var plan = new StringBuilder();
        while (await reader.ReadAsync())
        {
            plan.AppendLine(reader.GetString(0));
        }
        return plan.ToString();
    }

    /// <summary>A partition that is still empty may be read whole.</summary>
    internal static bool ReadsAllOfAPartition(string line) =>
        line.Contains("Seq Scan on request_", StringComparison.Ordinal)
        && !line.Contains("rows=0", StringComparison.Ordinal)
        && !line.Contains("never executed", StringComparison.Ordinal);

    /// <summary>Rows of the log that were looked at, shown or not.</summary>
    internal static int RowsRead(string plan)
    {
        var (sum, loops) = (0, 0);
        foreach (var line in plan.Split('\n'))
        {
            if (line.Contains("loops=", StringComparison.Ordinal))
            {
                loops = line.Contains("request_", StringComparison.Ordinal) ? Number(line, "loops=") : 0;
                sum += loops * Number(line, "rows=");
            }
            sum += loops * Number(line, "Rows Removed by Filter: ");
        }
        return sum;
    }

    public ValueTask DisposeAsync() => Node.DisposeAsync();

    internal static int Number(string line, string label) =>
        line.Split(label) is [_, .., var rest] ? int.Parse(new string([.. rest.TakeWhile(char.IsAsciiDigit)]), System.Globalization.CultureInfo.InvariantCulture) : 0;

    private sealed class Explaining : DbCommandInterceptor
    {
        /// <summary>Null: nobody wants to know.</summary>
        public StringBuilder? Plans { get; set; }

        public override async ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            if (Plans is { } plans && command.CommandText.Contains("FROM request", StringComparison.Ordinal))
            {
                await using var explain = new NpgsqlCommand(
                    "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) " + command.CommandText,
                    (NpgsqlConnection)command.Connection!,
                    (NpgsqlTransaction?)command.Transaction);
                foreach (NpgsqlParameter parameter in command.Parameters)
                {
                    explain.Parameters.Add(parameter.Clone());
                }
                await using var reader = await explain.ExecuteReaderAsync(cancellationToken);
                while (await reader.ReadAsync(cancellationToken))
                {
                    plans.AppendLine(reader.GetString(0));
                }
            }
            return result;
        }
    }
}
