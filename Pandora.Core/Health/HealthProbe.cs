using System.Diagnostics;
using Npgsql;

namespace Pandora.Core.Health;

/// <summary>How well the database serves. The words on the wire are <c>OK</c>, <c>DEGRADED</c>, <c>DOWN</c>.</summary>
public enum HealthStatus
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

/// <summary>
/// Tells whether this node can serve; REST and gRPC health both answer from it. Calls that come while the database is
/// being asked share the answer, so that no number of them takes more than one connection.
/// </summary>
internal sealed class HealthProbe(NpgsqlDataSource dataSource, IHostApplicationLifetime lifetime)
{
    private const int PingAttempts = 2;

    private static readonly TimeSpan PingLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan QueryLimit = TimeSpan.FromSeconds(2);

    private static readonly HealthReport Silent = new(HealthStatus.Down, "The database does not answer.", 0, false);

    private readonly Lock _lock = new();
    private Task<HealthReport> _running = Task.FromException<HealthReport>(new InvalidOperationException("Nothing was asked yet."));

    public async Task<HealthReport> CheckAsync(CancellationToken ct)
    {
        Task<HealthReport> running;
        lock (_lock)
        {
            if (_running.IsCompleted)
            {
                // Off this thread, so that nothing runs under the lock; not ended by the first caller's leaving.
                _running = Task.Run(AskDatabaseAsync, CancellationToken.None);
            }
            running = _running;
        }
        var draining = lifetime.ApplicationStopping.IsCancellationRequested;
        try
        {
            // A server that is stopped and not gone keeps even a cancelled command waiting; nobody waits with it.
            return await running.WaitAsync(PingLimit, ct) with { Draining = draining };
        }
        catch (TimeoutException)
        {
            return Silent with { Draining = draining };
        }
    }

    private async Task<HealthReport> AskDatabaseAsync()
    {
        if (await PingAsync() is not { } connection)
        {
            return Silent;
        }
        await using (connection)
        {
            return await QueryAsync(connection) is { } latency
                ? new HealthReport(HealthStatus.Ok, "The database answers.", latency, false)
                : new HealthReport(HealthStatus.Degraded, "The database answers, but not to queries.", 0, false);
        }
    }

    /// <summary>Returns the connection that answered. Null: none did in time.</summary>
    private async Task<NpgsqlConnection?> PingAsync()
    {
        using var limit = new CancellationTokenSource(PingLimit);
        // A second attempt, because a pooled connection may be a left-over of a server that has been restarted since.
        for (var attempt = 1; attempt <= PingAttempts; attempt++)
        {
            NpgsqlConnection? connection = null;
            try
            {
                connection = await dataSource.OpenConnectionAsync(limit.Token);
                await using var ping = new NpgsqlCommand("-- ping", connection);
                await ping.ExecuteNonQueryAsync(limit.Token);
                return connection;
            }
            catch (Exception e) when (IsDatabaseFault(e))
            {
                await (connection?.DisposeAsync() ?? ValueTask.CompletedTask);
            }
        }
        return null;
    }

    /// <summary>Returns how many milliseconds a trivial query took. Null: it failed.</summary>
    private static async Task<long?> QueryAsync(NpgsqlConnection connection)
    {
        using var limit = new CancellationTokenSource(QueryLimit);
        try
        {
            var started = Stopwatch.GetTimestamp();
            await using var query = new NpgsqlCommand("SELECT 1", connection);
            await query.ExecuteScalarAsync(limit.Token);
            return (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        }
        catch (Exception e) when (IsDatabaseFault(e))
        {
            return null;
        }
    }

    private static bool IsDatabaseFault(Exception e) => e is NpgsqlException or TimeoutException or OperationCanceledException;
}
