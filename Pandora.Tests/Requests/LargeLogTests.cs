using System.Data.Common;
using System.Net;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pandora.Core.Persistence;
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
        await Node.ExecuteAsync(
            """
            INSERT INTO service (name, version, status, created_at) SELECT n, '1', 'enabled', now() FROM generate_series(1, 3) n;
            INSERT INTO client (type, name, email, email_folded, created_at) SELECT 'developer', n, n, n, now() FROM generate_series(1, 5) n;
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
    internal static int RowsRead(string plan) =>
        plan.Split('\n')
            .Where(line => line.Contains("request_", StringComparison.Ordinal) || line.Contains("Rows Removed by Filter", StringComparison.Ordinal))
            .Sum(line => Number(line, "rows=") + Number(line, "Rows Removed by Filter: "));

    public ValueTask DisposeAsync() => Node.DisposeAsync();

    private static int Number(string line, string label) =>
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
