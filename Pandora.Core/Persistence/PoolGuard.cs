using Npgsql;

namespace Pandora.Core.Persistence;

/// <summary>
/// Asks the database every two seconds, in calls' stead. When it does not answer, the pooled connections are given up, so
/// that after an outage no call meets one of the server before.
/// </summary>
internal sealed class PoolGuard(NpgsqlDataSource pool, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
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
