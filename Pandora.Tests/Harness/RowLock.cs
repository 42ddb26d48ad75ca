using Npgsql;

namespace Pandora.Tests.Harness;

/// <summary>Holds a row in a transaction of its own, so that whoever needs it waits.</summary>
internal sealed class RowLock : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlTransaction _transaction;

    private RowLock(NpgsqlConnection connection, NpgsqlTransaction transaction)
    {
        _connection = connection;
        _transaction = transaction;
    }

    /// <summary>The counter of the subscription's environment.</summary>
    public static async Task<RowLock> OnCounterAsync(TestNode node, Subscription subscription)
    {
        var connection = new NpgsqlConnection(node.ConnectionString);
        await connection.OpenAsync();
        var transaction = await connection.BeginTransactionAsync();
        await using var command = new NpgsqlCommand(
            $"SELECT 1 FROM environment_service WHERE environment_id = {subscription.Environment} FOR UPDATE", connection, transaction);
        await command.ExecuteScalarAsync();
        return new RowLock(connection, transaction);
    }

    /// <summary>Rolls a reservation of the counter back, as another node would, and releases the row with it.</summary>
    public async Task RollbackAsync(string reservation)
    {
        await using var command = new NpgsqlCommand(
            $"""
            WITH gone AS (DELETE FROM reservation WHERE id = '{reservation}' RETURNING counter_id, request_id, units),
                 noted AS (UPDATE request SET units = 0 FROM gone WHERE request.id = gone.request_id)
            UPDATE environment_service es SET consumed_units = consumed_units - units FROM gone WHERE es.id = gone.counter_id
            """,
            _connection,
            _transaction);
        Assert.Equal(1, await command.ExecuteNonQueryAsync());
        await _transaction.CommitAsync();
    }

    public async Task ReleaseAsync() => await _transaction.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        await ReleaseAsync();
        await _connection.DisposeAsync();
    }
}
