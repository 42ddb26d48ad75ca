using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pandora.Core.Persistence.Partitions;
using Pandora.Core.Telemetry;
using Pandora.Tests.Harness;
using Pandora.Tests.Requests;

namespace Pandora.Tests.Persistence;

/// <summary>The partitions of the request log over time. Each test has a log of its own.</summary>
public sealed class RequestPartitionKeeperTests(TestServer server) : IAsyncLifetime
{
    private readonly TestClock _clock = new();
    private TestNode _node = null!;
    private NpgsqlDataSource _dataSource = null!;

    private DateTimeOffset Now => _clock.Now;

    public async ValueTask InitializeAsync()
    {
        // The node's own keeper comes first: partitions of March, April and May.
        _node = await TestNode.StartAsync(await server.CreateDatabaseAsync(), _clock);
        _dataSource = NpgsqlDataSource.Create(_node.ConnectionString);
    }

    [Fact]
    public async Task Months_are_made_ahead_before_the_first_call_when_nothing_is_removed()
    {
        Assert.Equal(["request_20260310_20260401", "request_20260401_20260501", "request_20260501_20260601"], await PartitionsAsync());

        _clock.Advance(TimeSpan.FromDays(30));
        var pass = await Keeper(0).RunOnceAsync(CancellationToken.None);

        Assert.Equal(new PartitionPass(1, 0, 0), pass);
        Assert.Contains("request_20260601_20260701", await PartitionsAsync());
        Assert.Equal(default, await Keeper(0).RunOnceAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Days_are_made_ahead_when_rows_are_removed_some_day()
    {
        await DropPartitionsAsync();

        var pass = await Keeper(30).RunOnceAsync(CancellationToken.None);

        Assert.Equal(8, pass.Made);
        Assert.Equal("request_20260310_20260311", (await PartitionsAsync())[0]);
        Assert.Equal("request_20260317_20260318", (await PartitionsAsync())[^1]);
    }

    [Fact]
    public async Task Months_are_made_when_rows_are_kept_so_long_that_days_would_be_too_many()
    {
        await DropPartitionsAsync();

        await Keeper(63).RunOnceAsync(CancellationToken.None);

        Assert.Equal("request_20260310_20260401", (await PartitionsAsync())[0]);
    }

    [Fact]
    public async Task A_call_is_logged_and_found_without_a_partition_of_its_own_and_moved_when_there_is_one()
    {
        await DropPartitionsAsync();
        var records = await new Scenario(_node).SubscriptionAsync();
        var answer = await _node.ConsumeAsync(records.Request());
        Assert.True(answer.BaseResponse.Valid);
        Assert.Equal("request_default", await TableOfAsync(answer.BaseResponse.RequestId));

        await Keeper(0).RunOnceAsync(CancellationToken.None);

        Assert.Equal("request_20260310_20260401", await TableOfAsync(answer.BaseResponse.RequestId));
        (await _node.Rest.GetAsync($"/requests/{answer.BaseResponse.RequestId}")).Expect(HttpStatusCode.OK);
        Assert.Equal(0L, await _node.ScalarAsync<long>("SELECT count(*) FROM request_default"));
    }

    [Fact]
    public async Task A_day_with_more_rows_than_can_be_moved_at_once_stays_where_it_is()
    {
        await DropPartitionsAsync();
        await _node.LogManyAsync(20_001, Now.AddHours(-1), Now);

        var pass = await Keeper(0).RunOnceAsync(CancellationToken.None);

        Assert.Equal(3, pass.Made);
        Assert.Equal("request_20260311_20260401", (await PartitionsAsync())[0]);
        Assert.Equal(20_001L, await _node.ScalarAsync<long>("SELECT count(*) FROM request_default"));
    }

    [Fact, Checklist(72)]
    public async Task Of_a_year_only_the_last_30_days_remain_and_nothing_but_log_rows_goes()
    {
        await DropPartitionsAsync();
        var records = await new Scenario(_node).RecordsAsync();
        var today = Now;
        for (var day = 365; day >= 0; day--)
        {
            _clock.Now = today.AddDays(-day);
            if (day < 300)
            {
                // The older rows have no partitions of their own.
                await new RequestPartitionTables(_dataSource)
                    .MakeNextAsync(Now, RequestPartitions.StartOfDay(Now), byDay: true, CancellationToken.None);
            }
            await _node.LogAsync(new LogRow(Now) { Service = records.Service });
        }

        var pass = await Keeper(30).RunOnceAsync(CancellationToken.None);

        Assert.Equal(269, pass.Dropped);
        Assert.Equal(66, pass.Deleted);
        Assert.Equal(31L, await _node.ScalarAsync<long>("SELECT count(*) FROM request"));
        Assert.Equal(today.AddDays(-30).UtcDateTime, await _node.ScalarAsync<DateTime>("SELECT min(request_time) FROM request"));
        Assert.Equal(today.AddDays(-30), await KeptSinceAsync());
        (await _node.Rest.GetAsync($"/api-keys/{records.Key}")).Expect(HttpStatusCode.OK);
        Assert.Equal(31, (await _node.Rest.GetAsync($"/services/{records.Service}/requests")).Json.AsArray().Count);
    }

    [Fact, Checklist(72)]
    public async Task A_node_with_a_retention_removes_what_is_older_without_being_asked()
    {
        await _node.LogManyAsync(366, Now.AddDays(-366), Now);

        await using var keeping = await TestNode.StartAsync(
            _node.ConnectionString, _clock, configure: settings => settings with { LogRetentionDays = 30 });

        await Eventually.HoldsAsync("the last 30 days alone", async () => await _node.ScalarAsync<long>("SELECT count(*) FROM request") <= 30);
        Assert.InRange(
            await _node.ScalarAsync<DateTime>("SELECT min(request_time) FROM request"), Now.AddDays(-31).UtcDateTime, Now.AddDays(-28).UtcDateTime);
    }

    [Fact]
    public async Task No_clock_however_wrong_has_the_whole_log_removed()
    {
        await _node.LogManyAsync(40, Now.AddDays(-40), Now);
        _clock.Advance(TimeSpan.FromDays(3650));

        await Keeper(30).RunOnceAsync(CancellationToken.None);

        Assert.InRange(await _node.ScalarAsync<long>("SELECT count(*) FROM request"), 29, 31);
    }

    [Fact]
    public async Task Rows_of_a_month_made_before_retention_was_switched_on_go_as_well()
    {
        await _node.LogManyAsync(12_000, Now, Now.AddDays(12));
        _clock.Advance(TimeSpan.FromDays(12));

        var pass = await Keeper(5).RunOnceAsync(CancellationToken.None);

        Assert.Equal((0, 7_000), (pass.Dropped, pass.Deleted));
        Assert.Equal(Now.AddDays(-5).UtcDateTime, await _node.ScalarAsync<DateTime>("SELECT min(request_time) FROM request"));
    }

    [Fact]
    public async Task The_first_rows_of_a_day_are_not_kept_longer_than_a_day_too_long()
    {
        await DropPartitionsAsync();
        await Keeper(5).RunOnceAsync(CancellationToken.None);
        var midnight = RequestPartitions.StartOfDay(Now);
        await _node.LogAsync(new LogRow(midnight));
        await _node.LogAsync(new LogRow(midnight.AddHours(20)));

        await _node.LogAsync(new LogRow(midnight.AddDays(3)));

        _clock.Now = midnight.AddDays(5).AddHours(21);
        Assert.Equal((0, 0), await RemovedAsync());
        _clock.Now = midnight.AddDays(5).AddHours(23);
        Assert.Equal((0, 1), await RemovedAsync());
        _clock.Now = midnight.AddDays(6);
        Assert.Equal((1, 0), await RemovedAsync());

        async Task<(long, long)> RemovedAsync()
        {
            var pass = await Keeper(5).RunOnceAsync(CancellationToken.None);
            return (pass.Dropped, pass.Deleted);
        }
    }

    [Fact]
    public async Task From_when_on_the_log_is_complete_is_noted_and_only_raised()
    {
        await _node.LogManyAsync(1_000, Now, Now.AddDays(10));
        await Keeper(5).RunOnceAsync(CancellationToken.None);
        Assert.Null(await KeptSinceAsync());

        _clock.Advance(TimeSpan.FromDays(9));
        var noted = Now.AddDays(-5);
        await Keeper(5).RunOnceAsync(CancellationToken.None);
        Assert.Equal(noted, await KeptSinceAsync());

        _clock.Advance(TimeSpan.FromDays(-1));
        await _node.LogAsync(new LogRow(Now.AddDays(-6)));
        Assert.Equal(1, (await Keeper(5).RunOnceAsync(CancellationToken.None)).Deleted);
        Assert.Equal(noted, await KeptSinceAsync());
    }

    [Fact]
    public async Task Several_nodes_at_once_do_the_work_once()
    {
        await DropPartitionsAsync();
        var log = new CountingLogger<RequestPartitionKeeper>();

        var passes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Keeper(30, log).RunOnceAsync(CancellationToken.None)));
        await Keeper(30, log).RunOnceAsync(CancellationToken.None);

        Assert.Equal(8, (await PartitionsAsync()).Count);
        Assert.InRange(passes.Sum(pass => pass.Made), 1, 8);
        Assert.Equal(0, log.Failures);
    }

    [Fact]
    public async Task A_lock_that_is_held_costs_a_pass_and_a_line_and_nothing_else()
    {
        _clock.Advance(TimeSpan.FromDays(100));
        var log = new CountingLogger<RequestPartitionKeeper>();
        PartitionPass blocked;
        var ct = TestContext.Current.CancellationToken;
        await using (var holder = await _dataSource.OpenConnectionAsync(ct))
        await using (await holder.BeginTransactionAsync(ct))
        {
            await using var read = new NpgsqlCommand("SELECT count(*) FROM request", holder);
            await read.ExecuteScalarAsync(ct);
            blocked = await Keeper(5, log).RunOnceAsync(CancellationToken.None);
        }

        var free = await Keeper(5, log).RunOnceAsync(CancellationToken.None);

        Assert.Equal(0, blocked.Dropped);
        Assert.True(log.Failures > 0);
        Assert.Equal((8L, 3L), (free.Made + blocked.Made, free.Dropped));
    }

    private RequestPartitionKeeper Keeper(int retentionDays, ILogger<RequestPartitionKeeper>? logger = null) =>
        new(_dataSource, retentionDays, _clock, _node.Services.GetRequiredService<NodeMeters>(), logger ?? NullLogger<RequestPartitionKeeper>.Instance);

    private async Task<List<string>> PartitionsAsync() =>
        [.. (await _node.ScalarAsync<string[]>(
            """
            SELECT array_agg(inhrelid::regclass::text ORDER BY inhrelid::regclass::text)
              FROM pg_inherits WHERE inhparent = 'request'::regclass AND inhrelid <> 'request_default'::regclass
            """)) ?? []];

    private async Task<DateTimeOffset?> KeptSinceAsync() =>
        await _node.ScalarAsync<string?>("SELECT value FROM installation WHERE name = 'log_kept_since'") is { } text
            ? DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture)
            : null;

    private async Task DropPartitionsAsync()
    {
        foreach (var table in await PartitionsAsync())
        {
            await _node.ExecuteAsync($"DROP TABLE {table}");
        }
    }

    private Task<string> TableOfAsync(string id) =>
        _node.ScalarAsync<string>("SELECT tableoid::regclass::text FROM request WHERE id = $1", Guid.Parse(id));

    public async ValueTask DisposeAsync()
    {
        await _dataSource.DisposeAsync();
        await _node.DisposeAsync();
    }
}
