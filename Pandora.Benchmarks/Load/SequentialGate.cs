using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Npgsql;
using Pandora.Core.Persistence;

namespace Pandora.Benchmarks.Load;

/// <summary>
/// What the product is compared with: a gate that asks the database one thing after the other, seven statements for a
/// call, prepared, on one connection, on the product's own tables. Its books are in order when it is done.
/// </summary>
internal sealed class SequentialGate(string connectionString, BenchmarkKey key) : IAsyncDisposable
{
    private const string FindKey =
        """
        SELECT k.environment_id, k.status, k.expires_at, e.status, p.status, l.id
          FROM api_key k
          JOIN environment e ON e.id = k.environment_id
          JOIN project p ON p.id = e.project_id
          JOIN LATERAL (SELECT id FROM logged_key WHERE api_key_id = k.id ORDER BY id DESC LIMIT 1) l ON true
         WHERE k.key_hash = $1
        """;

    private const string FindService =
        """
        SELECT s.id, s.status, l.id
          FROM service s
          JOIN LATERAL (SELECT id FROM logged_service WHERE service_id = s.id ORDER BY id DESC LIMIT 1) l ON true
         WHERE s.name = $1 AND s.version = $2
        """;

    private const string FindCounter =
        "SELECT id, available_requests FROM environment_service WHERE environment_id = $1 AND service_id = $2 FOR UPDATE";

    private const string Take = "UPDATE environment_service SET consumed_units = consumed_units + 1 WHERE id = $1";

    private const string Record =
        """
        INSERT INTO request (
            id, request_time, units, counter_id, logged_key_id, logged_service_id, outcome, status_code, method, path, ip_address)
        VALUES ($1, $2, 1, $3, $4, $5, 0, 0, 0, '/orders', '192.0.2.7')
        """;

    private readonly NpgsqlConnection _connection = new(connectionString);
    private readonly byte[] _hash = SHA256.HashData(Encoding.UTF8.GetBytes(key.Text));

    public static async Task<LoadResult> RunAsync(LoadJob job, CancellationToken ct)
    {
        await using var gate = new SequentialGate(job.ConnectionString!, KeyFile.Read(job.KeysFile)[0]);
        await gate.OpenAsync(ct);
        var counted = new LatencySamples();
        var all = 0L;
        var times = JobTimes.Of(job);
        for (var start = times.Start; start < times.End; all++)
        {
            await gate.CheckAsync(ct);
            var end = Stopwatch.GetTimestamp();
            if (end >= times.Counted && end < times.End)
            {
                counted.Add(end - start);
            }
            start = end;
        }
        return new LoadResult
        {
            Calls = counted.Count,
            AllCalls = all,
            CallsPerSecond = counted.Count / job.Seconds,
            Latencies = LatencySamples.Summarize([counted]),
        };
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private async Task OpenAsync(CancellationToken ct) => await _connection.OpenAsync(ct);

    private async Task CheckAsync(CancellationToken ct)
    {
        await ExecuteAsync("BEGIN", ct);
        var found = await RowAsync(FindKey, ct, _hash);
        var service = await RowAsync(FindService, ct, key.Service, key.Version);
        var counter = await RowAsync(FindCounter, ct, found[0], service[0]);
        if (found is not [_, "enabled", _, "enabled", "enabled", _] || service[1] is not "enabled" || counter[1] is not > 0L)
        {
            throw new LoadFaultException("The key of the sequential gate may not pass.");
        }
        await ExecuteAsync(Take, ct, counter[0]);
        var now = TimeProvider.System.GetUtcNow();
        await ExecuteAsync(Record, ct, RequestId.At(now), now, counter[0], found[5], service[2]);
        await ExecuteAsync("COMMIT", ct);
    }

    private async Task<object[]> RowAsync(string sql, CancellationToken ct, params object[] parameters)
    {
        await using var command = await PreparedAsync(sql, parameters, ct);
        await using var reader = await command.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct))
        {
            throw new LoadFaultException("The key of the sequential gate is not known.");
        }
        var row = new object[reader.FieldCount];
        reader.GetValues(row);
        return row;
    }

    private async Task ExecuteAsync(string sql, CancellationToken ct, params object[] parameters)
    {
        await using var command = await PreparedAsync(sql, parameters, ct);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>The connection knows a text that it has prepared before; then nothing is sent.</summary>
    private async Task<NpgsqlCommand> PreparedAsync(string sql, object[] parameters, CancellationToken ct)
    {
#pragma warning disable CA2100 // Every text is a constant of this file.
        var command = new NpgsqlCommand(sql, _connection);
#pragma warning restore CA2100
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        }
        await command.PrepareAsync(ct);
        return command;
    }
}
