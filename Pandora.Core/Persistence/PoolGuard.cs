using Npgsql;

namespace Pandora.Core.Persistence;

/// <summary>
/// Pings the database every two seconds, so that calls need not. When there is no answer, the pool is cleared, so that
/// after an outage no call gets a connection of the server that is gone; and likewise when the pool may hold sessions that
/// cannot write, so that writing calls succeed soon after the database takes writes again.
/// </summary>
internal sealed class PoolGuard(NpgsqlDataSource pool, ReadOnlySessions readOnly, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (readOnly.Take())
            {
                pool.Clear();
            }
            try
            {
                await using var question = pool.CreateCommand("SELECT 1");
                await question.ExecuteScalarAsync(stoppingToken);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException)
            {
                pool.Clear();
            }
        }
    }
}
