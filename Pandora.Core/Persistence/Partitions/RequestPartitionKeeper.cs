using Npgsql;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Persistence.Partitions;

/// <summary>
/// Makes the partitions of the request log ahead, and removes what is older than the operator wants. Nothing depends on
/// it in the short run: rows without a partition of their own go to the default one.
/// </summary>
/// <param name="retentionDays">Rows recorded longer ago are removed within a day. 0: none ever is.</param>
internal sealed partial class RequestPartitionKeeper(
    NpgsqlDataSource dataSource, int retentionDays, TimeProvider time, NodeMeters meters, ILogger<RequestPartitionKeeper> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(5);

    // Rows of a day go with their partition as soon as the last of them is too old; by then the first ones are a whole day
    // late. Those get ahead by this much, so that some failing passes do no harm.
    private static readonly TimeSpan Slack = TimeSpan.FromHours(22);

    private readonly RequestPartitionTables _tables = new(dataSource);

    // What the last look found, and until when there are partitions. Null: none succeeded yet.
    private PartitionLook? _look;

    /// <summary>The first pass comes before the first call, so that the log begins in a partition of its own.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(StartLimit);
        await TryAsync("make partitions", MakeAsync, limit.Token);
        await TryAsync("look at partitions", LookAsync, limit.Token);
        meters.ShowPartitions(Figures);
        await base.StartAsync(cancellationToken);
    }

    /// <summary>One pass. What fails is logged and left to the next one.</summary>
    public async Task<PartitionPass> RunOnceAsync(CancellationToken ct)
    {
        var made = await TryAsync("make partitions", MakeAsync, ct);
        var (dropped, deleted) = retentionDays == 0 ? (0, 0) : await RemoveAsync(ct);
        await TryAsync("look at partitions", LookAsync, ct);
        return new PartitionPass(made, dropped, deleted);
    }

    private async Task<(long Dropped, long Deleted)> RemoveAsync(CancellationToken ct)
    {
        var dropped = await TryAsync("list partitions", DropAsync, ct);
        var deleted = await TryAsync("list partitions", DeleteAsync, ct);
        if (dropped > 0 || deleted > 0)
        {
            Log.Removed(logger, retentionDays, dropped, deleted);
        }
        return (dropped, deleted);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await RunOnceAsync(stoppingToken);
            await Task.Delay(Interval, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<long> MakeAsync(CancellationToken ct)
    {
        var now = time.Now();
        var made = 0L;
        var start = RequestPartitions.StartOfDay(now);
        while (await _tables.MakeNextAsync(now, start, RequestPartitions.AreDays(retentionDays), ct) is { } step)
        {
            made += step.Made ? 1 : 0;
            start = step.Next;
        }
        return made;
    }

    private async Task<long> DropAsync(CancellationToken ct)
    {
        var oldest = await OldestAsync(ct);
        var dropped = 0L;
        foreach (var partition in await _tables.ListAsync(ct))
        {
            if (partition.Range is { } range && range.To <= oldest)
            {
                dropped += await TryAsync("drop a partition", async token => await _tables.DropAsync(partition, token) ? 1 : 0, ct);
            }
        }
        return dropped;
    }

    private async Task<long> DeleteAsync(CancellationToken ct)
    {
        var oldest = await OldestAsync(ct);
        var deleted = 0L;
        foreach (var partition in await _tables.ListAsync(ct))
        {
            var before = partition.Range is { IsWide: false } ? oldest - Slack : oldest;
            if (partition.Range is not { } range || (range.From < before && before < range.To))
            {
                deleted += await TryAsync("clear a partition", token => _tables.DeleteAsync(partition, before, token), ct);
            }
        }
        return deleted;
    }

    private async Task<long> LookAsync(CancellationToken ct)
    {
        _look = await _tables.LookAsync(time.Now(), ct);
        return 0;
    }

    private PartitionFigures? Figures() =>
        _look is { } look
            ? new(look.Count, look.Until is { } until && until > time.Now() ? until - time.Now() : TimeSpan.Zero, look.DefaultRows)
            : null;

    /// <summary>
    /// What was recorded before is removed. If that is all there is, the days count from the newest row: no clock, however
    /// wrong, can have the whole log removed.
    /// </summary>
    private async Task<DateTimeOffset> OldestAsync(CancellationToken ct)
    {
        var oldest = time.Now().AddDays(-retentionDays);
        return await _tables.NewestAsync(ct) is { } newest && newest < oldest ? newest.AddDays(-retentionDays) : oldest;
    }

    private async Task<long> TryAsync(string what, Func<CancellationToken, Task<long>> work, CancellationToken ct)
    {
        try
        {
            return await work(ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return 0;
        }
        catch (Exception e)
        {
            // Whatever it is: calls are logged all the same, and the next pass tries again.
            Log.PartitionsFailed(logger, what, e);
            meters.PartitionFault();
            return 0;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2121, LogLevel.Information, "Removed from the request log what is older than {Days} days: {Partitions} partitions and {Rows} rows")]
        public static partial void Removed(ILogger logger, int days, long partitions, long rows);

        [LoggerMessage(2122, LogLevel.Warning, "Could not {What} in the request log; the next pass tries again")]
        public static partial void PartitionsFailed(ILogger logger, string what, Exception exception);
    }
}

/// <summary>What one pass did.</summary>
/// <param name="Made">Partitions.</param>
/// <param name="Dropped">Partitions.</param>
/// <param name="Deleted">Rows of partitions that hold newer ones too.</param>
internal readonly record struct PartitionPass(long Made, long Dropped, long Deleted);
