using System.Data;
using Npgsql;
using Pandora.Core.Gate.Cache;

namespace Pandora.Core.Gate.Ledger;

/// <summary>
/// The connection of one lane: opened when needed, kept from batch to batch, and given up without waiting for what is
/// still under way on it.
/// </summary>
internal sealed partial class LaneConnection(NpgsqlDataSource dataSource, KeyCache cache, ILogger logger)
{
    private NpgsqlConnection? _connection;

    // What is, or was last, under way on the connection.
    private Task _step = Task.CompletedTask;

    /// <summary>The backend of the connection that was opened last.</summary>
    public Backend Server { get; private set; }

    public bool IsOpen => _connection is not null;

    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken ct)
    {
        if (_connection is { State: not ConnectionState.Open })
        {
            Drop(); // it broke while the lane was idle
        }
        return _connection is null ? ConnectAsync(ct) : new(_connection);
    }

    /// <summary>
    /// Gives up when time is up, even if the driver does not: with a server that is stopped but not gone, it waits for
    /// its own request to cancel to be heard.
    /// </summary>
    public Task<T> InTime<T>(Task<T> step, CancellationToken ct)
    {
        _step = step;
        return step.WaitAsync(ct);
    }

    /// <inheritdoc cref="InTime{T}"/>
    public Task InTime(Task step, CancellationToken ct)
    {
        _step = step;
        return step.WaitAsync(ct);
    }

    /// <summary>
    /// Leaves the connection to itself. The driver's own limits end what is under way; a commit among it may still
    /// succeed.
    /// </summary>
    public void Drop()
    {
        if (_connection is { } connection)
        {
            _ = CloseAsync(connection, _step);
            _connection = null;
            _step = Task.CompletedTask;
        }
    }

    private async ValueTask<NpgsqlConnection> ConnectAsync(CancellationToken ct)
    {
        var connection = await dataSource.OpenConnectionAsync(ct);
        _connection = connection;
        cache.ForgetEverything();
        Server = await InTime(ReadBackendAsync(connection, ct), ct);
        return connection;
    }

    private static async Task<Backend> ReadBackendAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(GateSql.ReadBackend, connection);
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        return new Backend(reader.GetInt32(0), reader.GetDateTime(1));
    }

    /// <summary>Closes the connection once nothing is under way on it: the driver bears no second user.</summary>
    private async Task CloseAsync(NpgsqlConnection connection, Task step)
    {
        await step.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        try
        {
            await connection.DisposeAsync();
        }
        catch (Exception e)
        {
            Log.CloseFailed(logger, e.GetType().Name, e.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(4007, LogLevel.Debug, "A broken connection could not be closed ({Type}: {Message})")]
        public static partial void CloseFailed(ILogger logger, string type, string message);
    }
}
