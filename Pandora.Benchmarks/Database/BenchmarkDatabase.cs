using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pandora.Benchmarks.Load;
using Pandora.Benchmarks.Machine;
using Pandora.Core.EmbeddedPostgres;

namespace Pandora.Benchmarks.Database;

/// <summary>The database of a measured node, seen from behind.</summary>
/// <param name="connectionString">As the owner of the tables.</param>
internal sealed class BenchmarkDatabase(string connectionString) : IAsyncDisposable
{
    private const int SecondsForAStatement = 3600;
    private const int LogSettlesMilliseconds = 500;

    private readonly NpgsqlDataSource _source = NpgsqlDataSource.Create(
        new NpgsqlConnectionStringBuilder(connectionString) { CommandTimeout = SecondsForAStatement, MaxPoolSize = 2 });

    private PrivatePostgres? _server;
    private DirectoryInfo? _folder;
    private int? _postmaster;
    private long _rowsExpected;

    public string ConnectionString => connectionString;

    /// <summary>Whether it was made for this run, so that nobody else uses it.</summary>
    public bool IsOurs => _server is not null;

    /// <summary>Where its files are. Null: elsewhere.</summary>
    public string? Folder => _folder?.FullName;

    /// <summary>A private PostgreSQL as the product makes and sets it, with flushes, below a temporary directory.</summary>
    /// <param name="programs">Their folder. Null: that of <c>PANDORA_PG_BIN</c>, or those that the product finds.</param>
    public static async Task<BenchmarkDatabase> CreateAsync(string? programs, CancellationToken ct)
    {
        var folder = Directory.CreateTempSubdirectory("pandora-benchmark-");
        var server = await PrivatePostgres.StartAsync(
            new PrivatePostgresOptions
            {
                DataDirectory = folder.FullName,
                Database = new(
                    "pandora", "pandora", "of-a-database-that-lives-for-one-run", programs ?? Environment.GetEnvironmentVariable("PANDORA_PG_BIN")),
            },
            NullLogger.Instance,
            ct);
        return new BenchmarkDatabase(server.ConnectionString) { _server = server, _folder = folder };
    }

    /// <summary>Finds the server's processes, so that their work can be counted, and makes records for calls to meet.</summary>
    /// <param name="keys">How many there are to be, or are already.</param>
    public async Task PrepareAsync(int keys, CancellationToken ct)
    {
        await FindServerAsync(ct);
        if (IsOurs)
        {
            await SeedAsync(keys, ct);
        }
        await using var command = _source.CreateCommand(Seed.NameInLog);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = keys });
        await command.ExecuteNonQueryAsync(ct);
        _rowsExpected = IsOurs ? await LogRowsAsync(ct) : 0;
    }

    /// <summary>Calls were answered, so as many rows must have come into the log.</summary>
    public void ExpectRows(long rows) => _rowsExpected += rows;

    /// <summary>Every call that was answered has its row in the log, and no other row is there.</summary>
    public async Task CheckLogAsync(CancellationToken ct)
    {
        if (!IsOurs)
        {
            return;
        }
        await Task.Delay(LogSettlesMilliseconds, ct);
        var rows = await LogRowsAsync(ct);
        if (rows != _rowsExpected)
        {
            throw new BenchmarkException($"{_rowsExpected} rows should be in the log, by the calls that were answered; {rows} are.");
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

    /// <summary>Of the request log on disk, indexes included.</summary>
    public Task<long> LogBytesAsync(CancellationToken ct) => ScalarAsync<long>(
        "SELECT sum(pg_total_relation_size(inhrelid))::bigint FROM pg_inherits WHERE inhparent = 'request'::regclass", ct);

    /// <summary>Rows of the log; of a database that is not ours, as far as statistics tell.</summary>
    public Task<long> LogRowsAsync(CancellationToken ct) => ScalarAsync<long>(
        IsOurs ? "SELECT count(*) FROM request" :
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

    public async ValueTask DisposeAsync()
    {
        await _source.DisposeAsync();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
        _folder?.Delete(recursive: true);
    }

    private async Task FindServerAsync(CancellationToken ct)
    {
        await using var connection = await _source.OpenConnectionAsync(ct);
        var address = await ScalarAsync<object>("SELECT inet_server_addr()", ct);
        if (address is DBNull || address is IPAddress ip && IPAddress.IsLoopback(ip))
        {
            _postmaster = ProcessFigures.ParentOf(connection.ProcessID);
        }
    }

    /// <summary>Makes that many environments with a key each.</summary>
    private async Task SeedAsync(int environments, CancellationToken ct)
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

    private async Task<T> ScalarAsync<T>(string sql, CancellationToken ct)
    {
#pragma warning disable CA2100 // The texts are constants of this file.
        await using var command = _source.CreateCommand(sql);
#pragma warning restore CA2100
        return (T)(await command.ExecuteScalarAsync(ct))!;
    }
}
