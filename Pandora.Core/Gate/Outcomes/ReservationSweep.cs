using Npgsql;
using NpgsqlTypes;
using Pandora.Core.Persistence;

namespace Pandora.Core.Gate.Outcomes;

/// <summary>
/// Settles what has expired and nobody has asked for: reservations of a service that made many and fell silent would
/// otherwise all be waiting for the first check after them. Nothing depends on it; checks settle what they need themselves.
/// </summary>
internal sealed partial class ReservationSweep(
    [FromKeyedServices(GateSetup.ReportsDatabase)] NpgsqlDataSource database, TimeProvider time, ILogger<ReservationSweep> logger)
    : BackgroundService
{
    private const int MostCounters = 16;
    private const int MostOfEach = 250;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var pause = Interval;
            try
            {
                var started = time.GetTimestamp();
                if (await SweepAsync(stoppingToken))
                {
                    pause = time.GetElapsedTime(started); // as long as the others had to bear it
                }
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                Log.SweepFailed(logger, e.GetType().Name, e.Message);
            }
            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Settles a part. True: there may be more.</summary>
    private async Task<bool> SweepAsync(CancellationToken ct)
    {
        var now = time.Now();
        await using var connection = await database.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var counters = new List<int>();
        await using (var batch = new NpgsqlBatch(connection, transaction))
        {
            batch.Add(GateSql.LockUnsettled)
                .With(now.UtcDateTime, NpgsqlDbType.TimestampTz)
                .With(MostCounters, NpgsqlDbType.Integer);
            await using var reader = await batch.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                counters.Add(reader.GetInt32(0));
            }
        }
        if (counters.Count == 0)
        {
            return false;
        }
        var isMore = await Reservations.SettleExpiredAsync(connection, counters, now, MostOfEach, ct);
        await transaction.CommitAsync(ct);
        return isMore || counters.Count == MostCounters;
    }

    private static partial class Log
    {
        [LoggerMessage(4012, LogLevel.Warning, "Expired reservations could not be settled; the next pass tries again ({Type}: {Message})")]
        public static partial void SweepFailed(ILogger logger, string type, string message);
    }
}
