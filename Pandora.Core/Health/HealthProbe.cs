using System.Diagnostics;
using Npgsql;

namespace Pandora.Core.Health;

/// <summary>How well the database serves. The words on the wire are <c>OK</c>, <c>DEGRADED</c>, <c>DOWN</c>.</summary>
internal enum HealthStatus
{
    Ok,

    /// <summary>The database answers a ping but not a trivial query.</summary>
    Degraded,

    /// <summary>The database does not answer, or this node is draining.</summary>
    Down,
}

/// <param name="LatencyMilliseconds">Of the trivial query; 0 unless <see cref="HealthStatus.Ok"/>.</param>
internal sealed record HealthReport(HealthStatus Database, string Message, long LatencyMilliseconds, bool Draining)
{
    /// <summary>What the node as a whole answers.</summary>
    public HealthStatus Status => Draining ? HealthStatus.Down : Database;
}

/// <summary>Tells whether this node can serve; REST and gRPC health both answer from it.</summary>
internal sealed class HealthProbe(NpgsqlDataSource dataSource, IHostApplicationLifetime lifetime)
{
    private static readonly TimeSpan PingLimit = TimeSpan.FromSeconds(5);

    /// <summary>Answers within the limit, whatever the database does.</summary>
    public async Task<HealthReport> CheckAsync(CancellationToken ct)
    {
        var draining = lifetime.ApplicationStopping.IsCancellationRequested;
        try
        {
            // A server that is stopped and not gone keeps even a cancelled command waiting; we do not wait with it.
            return await LookAsync(draining, ct).WaitAsync(PingLimit, ct);
        }
        catch (TimeoutException)
        {
            return Silent(draining);
        }
    }

    private async Task<HealthReport> LookAsync(bool draining, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(PingLimit);
        NpgsqlConnection connection;
        try
        {
            connection = await dataSource.OpenConnectionAsync(limit.Token);
        }
        catch (Exception e) when (IsDatabaseFault(e, ct))
        {
            return Silent(draining);
        }

        await using (connection)
        {
            try
            {
                var started = Stopwatch.GetTimestamp();
                await using var command = new NpgsqlCommand("SELECT 1", connection);
                await command.ExecuteScalarAsync(limit.Token);
                var latency = (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds;
                return new HealthReport(HealthStatus.Ok, "The database answers.", latency, draining);
            }
            catch (PostgresException)
            {
                return new HealthReport(HealthStatus.Degraded, "The database answers, but not to queries.", 0, draining);
            }
            catch (Exception e) when (IsDatabaseFault(e, ct))
            {
                return Silent(draining);
            }
        }
    }

    private static HealthReport Silent(bool draining) =>
        new(HealthStatus.Down, "The database does not answer.", 0, draining);

    private static bool IsDatabaseFault(Exception e, CancellationToken ct) =>
        e is NpgsqlException or TimeoutException || (e is OperationCanceledException && !ct.IsCancellationRequested);
}
