using Npgsql;

namespace Pandora.Core.Persistence;

/// <summary>
/// Asks the database for its time every two seconds: the node goes by it, and calls need not ask whether the database
/// answers. When it does not, the pool is cleared, so that after an outage no call gets a connection of the server that is
/// gone; and likewise when the pool may hold sessions that cannot write, so that writing calls succeed soon after the
/// database takes writes again.
/// </summary>
internal sealed partial class PoolGuard(
    NpgsqlDataSource pool, ReadOnlySessions readOnly, DatabaseClock clock, TimeProvider time, ILogger<PoolGuard> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LargestSkew = TimeSpan.FromSeconds(5);

    private bool _isSkewed;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            if (readOnly.Take())
            {
                pool.Clear();
            }
            try
            {
                await clock.ReadAsync(pool, stoppingToken);
                Judge(clock.Skew);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException)
            {
                pool.Clear();
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private void Judge(TimeSpan skew)
    {
        if (skew.Duration() > LargestSkew == _isSkewed)
        {
            return;
        }
        _isSkewed = !_isSkewed;
        if (_isSkewed)
        {
            Log.Skewed(logger, skew.TotalSeconds);
        }
        else
        {
            Log.Agreed(logger);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2131, LogLevel.Warning, "The clock of this machine is {Seconds:F1} s ahead of the database's (negative: behind). Pandora goes by the database's, but times in this log and in traces are wrong: have the clock of this machine set")]
        public static partial void Skewed(ILogger logger, double seconds);

        [LoggerMessage(2132, LogLevel.Information, "The clock of this machine agrees with the database's again")]
        public static partial void Agreed(ILogger logger);
    }
}
