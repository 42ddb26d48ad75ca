using System.Runtime.InteropServices;
using Npgsql;
using NpgsqlTypes;
using Pandora.Core.Persistence;
using Pandora.Core.Settings;
using Pandora.Core.Transport;

namespace Pandora.Core.Gate.Ledger;

/// <summary>
/// Limits how many checks with unknown keys get a row of the log: so many a minute for each peer, on all nodes together, so
/// that nobody can fill the disk with keys made up. Beyond that they are answered without one, and when the minute is over
/// one row tells how many there were.
/// </summary>
internal sealed partial class UnknownKeyLog(
    [FromKeyedServices(GateSetup.ReportsDatabase)] NpgsqlDataSource database,
    PandoraSettings settings,
    TimeProvider time,
    ILogger<UnknownKeyLog> logger)
    : BackgroundService
{
    // A node takes a part of the minute's rows at once, so that it need not ask for each.
    private const int PartsOfLimit = 10;

    private const string TakePart =
        """
        INSERT INTO unknown_key_minute AS taken (peer, minute, logged) VALUES ($1, $2, $3)
            ON CONFLICT (minute, peer) DO UPDATE SET logged = taken.logged + $3 WHERE taken.logged + $3 <= $4
        RETURNING 1
        """;

    private const string AddUnlogged =
        """
        INSERT INTO unknown_key_minute AS known (peer, minute, logged, unlogged) SELECT peer, minute, 0, unlogged
          FROM unnest($1, $2, $3) AS added (peer, minute, unlogged) ORDER BY minute, peer
            ON CONFLICT (minute, peer) DO UPDATE SET unlogged = known.unlogged + excluded.unlogged
        """;

    private const string Close = "DELETE FROM unknown_key_minute WHERE minute < $1 RETURNING peer, minute, unlogged";

    private const string LogUnlogged =
        """
        INSERT INTO request (
               id, request_time, units, counter_id, logged_key_id, logged_service_id, outcome, status_code, method, path,
               ip_address, key_mask, detail)
        SELECT id, minute, 0, 0, 0, 0, 19, 401, 9, '', peer, '...',
               unlogged || ' more calls with unknown keys came from this peer within the minute and have no rows of their own'
          FROM unnest($1, $2, $3, $4) AS closed (id, minute, peer, unlogged)
        """;

    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    // By then every node has said how many it had.
    private static readonly TimeSpan CloseAfter = TimeSpan.FromSeconds(75);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(1);

    private readonly int _limit = settings.UnknownKeysLoggedPerMinute;
    private readonly Lock _lock = new();
    private readonly Dictionary<(Peer Peer, DateTimeOffset Minute), Tally> _tallies = [];

    /// <summary>
    /// Decides whether a check whose key is unknown gets a row of the log. One of which it was decided before keeps that.
    /// </summary>
    /// <remarks>
    /// On a connection of its own: rows that were taken stay taken whatever becomes of the transaction of the check, and no
    /// other node waits for that.
    /// </remarks>
    public ValueTask AdmitAsync(PendingCheck check, DateTimeOffset now, CancellationToken ct)
    {
        if (_limit == 0 || check is not { Facts.Key: null, IsAdmitted: false })
        {
            return ValueTask.CompletedTask;
        }
        var tally = (check.Peer, new DateTimeOffset(now.UtcTicks - (now.UtcTicks % Minute.Ticks), TimeSpan.Zero));
        return TryAdmit(check, tally) ? ValueTask.CompletedTask : new ValueTask(TakeAndAdmitAsync(check, tally, ct));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Without a limit there is nothing to tell but, once, what nodes that had one have left.
        var pause = _limit > 0 ? Interval : Minute + CloseAfter;
        do
        {
            await Task.Delay(pause, time, stoppingToken);
            await TryTellAsync(time.Now() - Minute, stoppingToken);
        }
        while (_limit > 0);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (_limit == 0)
        {
            return;
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(StopLimit);
        await TryTellAsync(DateTimeOffset.MaxValue, limit.Token);
    }

    private async Task TakeAndAdmitAsync(PendingCheck check, (Peer, DateTimeOffset) tally, CancellationToken ct)
    {
        do
        {
            // A server that is stopped but not gone keeps even what is cancelled waiting.
            Note(tally, hasMore: await TakePartAsync(tally, ct).WaitAsync(ct));
        }
        while (!TryAdmit(check, tally));
    }

    /// <summary>False: first it must be known whether there are more rows to be had.</summary>
    private bool TryAdmit(PendingCheck check, (Peer, DateTimeOffset) name)
    {
        lock (_lock)
        {
            ref var tally = ref CollectionsMarshal.GetValueRefOrAddDefault(_tallies, name, out _);
            if (tally.Left == 0 && !tally.IsUsedUp)
            {
                return false;
            }
            check.IsAdmitted = true;
            check.IsLogged = tally.Left > 0;
            if (check.IsLogged)
            {
                tally.Left--;
            }
            else
            {
                tally.Unlogged++;
            }
            return true;
        }
    }

    private void Note((Peer, DateTimeOffset) name, bool hasMore)
    {
        lock (_lock)
        {
            ref var tally = ref CollectionsMarshal.GetValueRefOrAddDefault(_tallies, name, out _);
            tally.Left += hasMore ? PartSize : 0;
            tally.IsUsedUp = !hasMore;
        }
    }

    private int PartSize => Math.Max(1, _limit / PartsOfLimit);

    private async Task<bool> TakePartAsync((Peer Peer, DateTimeOffset Minute) tally, CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(TakePart)
            .With(tally.Peer.ToString(), NpgsqlDbType.Text)
            .With(tally.Minute.UtcDateTime, NpgsqlDbType.TimestampTz)
            .With(PartSize, NpgsqlDbType.Integer)
            .With(_limit, NpgsqlDbType.Integer);
        return await batch.ExecuteScalarAsync(ct) is not null;
    }

    /// <summary>Tells the database what was not logged in minutes that began before an instant, and the log what is complete.</summary>
    private async Task TryTellAsync(DateTimeOffset before, CancellationToken ct)
    {
        var over = new List<(string Peer, DateTimeOffset Minute, long Unlogged)>();
        lock (_lock)
        {
            foreach (var (name, tally) in _tallies.Where(tally => tally.Key.Minute <= before).ToList())
            {
                _tallies.Remove(name);
                if (tally.Unlogged > 0)
                {
                    over.Add((name.Peer.ToString(), name.Minute, tally.Unlogged));
                }
            }
        }
        try
        {
            await TellAsync(over, ct);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException or OperationCanceledException)
        {
            Log.NotTold(logger, over.Sum(tally => tally.Unlogged), e.GetType().Name, e.Message);
        }
    }

    private async Task TellAsync(List<(string Peer, DateTimeOffset Minute, long Unlogged)> over, CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        if (over.Count > 0)
        {
            await using var add = new NpgsqlBatch(connection);
            add.Add(AddUnlogged)
                .WithTexts(over.ConvertAll(tally => tally.Peer))
                .WithInstants(over.ConvertAll(tally => tally.Minute.UtcDateTime))
                .WithLongs(over.ConvertAll(tally => tally.Unlogged));
            await add.ExecuteNonQueryAsync(ct);
        }
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var closed = new List<(string Peer, DateTime Minute, long Unlogged)>();
        await using (var close = new NpgsqlBatch(connection, transaction))
        {
            close.Add(Close).With((time.Now() - CloseAfter).UtcDateTime, NpgsqlDbType.TimestampTz);
            await using var reader = await close.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                closed.Add((reader.GetString(0), reader.GetDateTime(1), reader.GetInt64(2)));
            }
        }
        closed.RemoveAll(minute => minute.Unlogged == 0);
        if (closed.Count > 0)
        {
            await using var log = new NpgsqlBatch(connection, transaction);
            log.Add(LogUnlogged)
                .WithUuids(closed.ConvertAll(_ => RequestId.At(time.Now())))
                .WithInstants(closed.ConvertAll(minute => minute.Minute))
                .WithTexts(closed.ConvertAll(minute => minute.Peer))
                .WithLongs(closed.ConvertAll(minute => minute.Unlogged));
            await log.ExecuteNonQueryAsync(ct);
        }
        await transaction.CommitAsync(ct);
    }

    /// <param name="Left">Rows that this node may still write.</param>
    /// <param name="IsUsedUp">No node may take more of the minute.</param>
    private record struct Tally(int Left, bool IsUsedUp, long Unlogged);

    private static partial class Log
    {
        [LoggerMessage(4013, LogLevel.Warning, "{Count} checks with unknown keys have no row in the log, nor one that tells their number ({Type}: {Message})")]
        public static partial void NotTold(ILogger logger, long count, string type, string message);
    }
}
