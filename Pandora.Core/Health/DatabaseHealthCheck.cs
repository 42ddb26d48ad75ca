using System.Diagnostics;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace Pandora.Core.Health;

/// <summary>
/// How well the database serves. Calls that come while it is being asked share the answer, so that no number of them
/// takes more than one connection.
/// </summary>
internal sealed class DatabaseHealthCheck(NpgsqlDataSource dataSource) : IHealthCheck
{
    /// <summary>Key of the milliseconds that a trivial query took, a <see cref="long"/>; there only if it is healthy.</summary>
    public const string Latency = "latency";

    /// <summary>Key of a value that is there only if the database can be read and not written.</summary>
    public const string ReadOnly = "read_only";

    private const int PingAttempts = 2;

    private static readonly TimeSpan PingLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan QueryLimit = TimeSpan.FromSeconds(2);

    private static readonly HealthCheckResult Silent = HealthCheckResult.Unhealthy("The database does not answer.");

    private readonly Lock _lock = new();
    private Task<HealthCheckResult> _running = Task.FromResult(Silent);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        Task<HealthCheckResult> running;
        lock (_lock)
        {
            if (_running.IsCompleted)
            {
                // Off this thread, so that nothing runs under the lock; not ended by the first caller's leaving.
                _running = Task.Run(AskDatabaseAsync, CancellationToken.None);
            }
            running = _running;
        }
        try
        {
            // A server that is stopped and not gone keeps even a cancelled command waiting; nobody waits with it.
            return await running.WaitAsync(PingLimit, cancellationToken);
        }
        catch (TimeoutException)
        {
            return Silent;
        }
    }

    private async Task<HealthCheckResult> AskDatabaseAsync()
    {
        if (await PingAsync() is not { } connection)
        {
            return Silent;
        }
        await using (connection)
        {
            return await QueryAsync(connection) switch
            {
                null => HealthCheckResult.Degraded("The database answers, but not to queries."),
                { IsReadOnly: true } => HealthCheckResult.Degraded(
                    "The database can be read, but not written.", data: new Dictionary<string, object> { [ReadOnly] = true }),
                { Milliseconds: var latency } => HealthCheckResult.Healthy(
                    "The database answers.", new Dictionary<string, object> { [Latency] = latency }),
            };
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

    /// <summary>Returns what a trivial query found, and how many milliseconds it took. Null: it failed.</summary>
    private static async Task<QueryResult?> QueryAsync(NpgsqlConnection connection)
    {
        using var limit = new CancellationTokenSource(QueryLimit);
        try
        {
            var started = Stopwatch.GetTimestamp();
            await using var query = new NpgsqlCommand("SELECT current_setting('transaction_read_only') = 'on'", connection);
            var isReadOnly = await query.ExecuteScalarAsync(limit.Token) is true;
            return new QueryResult(isReadOnly, (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        catch (Exception e) when (IsDatabaseFault(e))
        {
            return null;
        }
    }

    private static bool IsDatabaseFault(Exception e) => e is NpgsqlException or TimeoutException or OperationCanceledException;

    private sealed record QueryResult(bool IsReadOnly, long Milliseconds);
}
