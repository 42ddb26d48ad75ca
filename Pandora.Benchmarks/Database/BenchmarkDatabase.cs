using System.Net;
using Npgsql;
using Pandora.Benchmarks.Load;
using Pandora.Benchmarks.Machine;

namespace Pandora.Benchmarks.Database;

/// <summary>The database of the measured node, seen from behind.</summary>
internal sealed class BenchmarkDatabase : IAsyncDisposable
{
    private const int SecondsForAStatement = 3600;

    private readonly NpgsqlDataSource _source;
    private int? _postmaster;

    public BenchmarkDatabase(string connectionString) => _source = NpgsqlDataSource.Create(
        new NpgsqlConnectionStringBuilder(connectionString) { CommandTimeout = SecondsForAStatement, MaxPoolSize = 2 });

    /// <summary>Finds the server among the processes of this machine, so that its work can be counted.</summary>
    public async Task FindServerAsync(CancellationToken ct)
    {
        await using var connection = await _source.OpenConnectionAsync(ct);
        var address = await ScalarAsync<object>("SELECT inet_server_addr()", ct);
        if (address is DBNull || address is IPAddress ip && IPAddress.IsLoopback(ip))
        {
            _postmaster = ProcessFigures.ParentOf(connection.ProcessID);
        }
    }

    /// <summary>Processor time of all its processes. Null: it runs elsewhere.</summary>
    public double? CpuSeconds() => _postmaster is { } pid ? ProcessFigures.CpuSecondsOfFamily(pid) : null;

    public async Task<string> DescribeAsync(CancellationToken ct) =>
        $"PostgreSQL {await ScalarAsync<string>("SHOW server_version", ct)}, fsync {await ScalarAsync<string>("SHOW fsync", ct)}, "
        + $"synchronous_commit {await ScalarAsync<string>("SHOW synchronous_commit", ct)}, shared_buffers {await ScalarAsync<string>("SHOW shared_buffers", ct)}";

    /// <summary>Units left in all counters; what a run takes is missing from it.</summary>
    public Task<decimal> AvailableUnitsAsync(CancellationToken ct) =>
        ScalarAsync<decimal>("SELECT coalesce(sum(available_requests), 0) FROM environment_service", ct);

    public Task<long> LogRowsAsync(CancellationToken ct) => ScalarAsync<long>("SELECT count(*) FROM request", ct);

    /// <summary>Of the request log on disk, indexes included.</summary>
    public Task<long> LogBytesAsync(CancellationToken ct) => ScalarAsync<long>(
        "SELECT sum(pg_total_relation_size(inhrelid))::bigint FROM pg_inherits WHERE inhparent = 'request'::regclass", ct);

    /// <summary>Rows of the log, as far as statistics tell.</summary>
    public Task<long> AboutLogRowsAsync(CancellationToken ct) => ScalarAsync<long>(
        """
        SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint
          FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
         WHERE inhparent = 'request'::regclass
        """,
        ct);

    /// <summary>Those of the first <paramref name="count"/> keys that may pass, each with a service of its environment.</summary>
    public async Task<IReadOnlyList<BenchmarkKey>> KeysAsync(int count, CancellationToken ct)
    {
        await using var command = _source.CreateCommand(Seed.FindKeys);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = count });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var keys = new List<BenchmarkKey>(count);
        while (await reader.ReadAsync(ct))
        {
            keys.Add(new BenchmarkKey(reader.GetInt32(0), reader.GetString(1), reader.GetString(2)));
        }
        return keys;
    }

    /// <summary>Makes that many environments with a key each.</summary>
    public async Task SeedAsync(int environments, CancellationToken ct)
    {
        await using var connection = await _source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        foreach (var statement in Seed.Statements)
        {
#pragma warning disable CA2100 // The texts are constants.
            await using var command = new NpgsqlCommand(statement, connection);
#pragma warning restore CA2100
            if (statement.Contains("$1", StringComparison.Ordinal))
            {
                command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = environments });
            }
            await command.ExecuteNonQueryAsync(ct);
        }
        await transaction.CommitAsync(ct);
        await using var vacuum = _source.CreateCommand("VACUUM ANALYZE");
        await vacuum.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Names a key in the log as the product would at its first check, for the sequential gate.</summary>
    public async Task NameInLogAsync(BenchmarkKey key, CancellationToken ct)
    {
        await using var command = _source.CreateCommand(Seed.NameInLog);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key.Text });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key.Service });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key.Version });
        await command.ExecuteNonQueryAsync(ct);
    }

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private async Task<T> ScalarAsync<T>(string sql, CancellationToken ct)
    {
#pragma warning disable CA2100 // The texts are constants of this file.
        await using var command = _source.CreateCommand(sql);
#pragma warning restore CA2100
        return (T)(await command.ExecuteScalarAsync(ct))!;
    }
}
