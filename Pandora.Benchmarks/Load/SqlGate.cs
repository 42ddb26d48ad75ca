using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Npgsql;
using Pandora.Core.Persistence;

namespace Pandora.Benchmarks.Load;

/// <summary>
/// What people write instead: one statement that checks the key, takes a unit and writes the log row, on the product's own
/// tables, each call in a transaction of its own. No server: the callers speak to PostgreSQL through a pool.
/// </summary>
internal static class SqlGate
{
    // The best for 128 callers on two processors: of 8, 16, 32 and 64.
    private const int MostConnections = 16;

    private const string Check =
        """
        WITH found AS (
            SELECT es.id, lk.id AS logged_key_id, ls.id AS logged_service_id
              FROM api_key k
              JOIN environment e ON e.id = k.environment_id AND e.status = 'enabled'
              JOIN project p ON p.id = e.project_id AND p.status = 'enabled'
              JOIN service s ON s.name = $2 AND s.version = $3 AND s.status = 'enabled'
              JOIN environment_service es ON es.environment_id = e.id AND es.service_id = s.id
              JOIN LATERAL (SELECT id FROM logged_key WHERE api_key_id = k.id ORDER BY id DESC LIMIT 1) lk ON true
              JOIN LATERAL (SELECT id FROM logged_service WHERE service_id = s.id ORDER BY id DESC LIMIT 1) ls ON true
             WHERE k.key_hash = $1 AND k.status = 'enabled' AND (k.expires_at IS NULL OR k.expires_at > $5)),
        taken AS (
            UPDATE environment_service es
               SET consumed_units = consumed_units + 1
              FROM found
             WHERE es.id = found.id AND es.available_requests > 0
         RETURNING es.id, es.available_requests, found.logged_key_id, found.logged_service_id),
        recorded AS (
            INSERT INTO request (
                   id, request_time, units, counter_id, logged_key_id, logged_service_id,
                   outcome, status_code, method, path, ip_address)
            SELECT $4, $5, 1, id, logged_key_id, logged_service_id, 0, 0, 0, '/orders', '192.0.2.7' FROM taken)
        SELECT available_requests FROM taken
        """;

    public static async Task<LoadResult> RunAsync(LoadJob job, CancellationToken ct)
    {
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(job.ConnectionString)
        {
            MaxPoolSize = Math.Min(job.InFlight, MostConnections),
            MaxAutoPrepare = 1,
            AutoPrepareMinUsages = 1,
        });
        var keys = KeyFile.Read(job.KeysFile);
        var hashes = Array.ConvertAll(
            job.Keys == KeyChoice.One ? keys[..1] : keys, key => SHA256.HashData(Encoding.UTF8.GetBytes(key.Text)));
        var picks = KeyPicks.Of(job.Keys, keys.Length);
        var times = JobTimes.Of(job);
        var callers = await Task.WhenAll(
            Enumerable.Range(0, job.InFlight).Select(number => Task.Run(() => CallAsync(number * picks.Length / job.InFlight), ct)));
        var calls = callers.Sum(caller => (long)caller.Counted.Count);
        return new LoadResult
        {
            Calls = calls,
            AllCalls = callers.Sum(caller => caller.All),
            CallsPerSecond = calls / job.Seconds,
            Latencies = LatencySamples.Summarize([.. callers.Select(caller => caller.Counted)]),
        };

        async Task<(LatencySamples Counted, long All)> CallAsync(int pick)
        {
            var counted = new LatencySamples();
            var all = 0L;
            for (var start = Stopwatch.GetTimestamp(); start < times.End; all++, pick++)
            {
                await CheckAsync(source, hashes[picks[pick & (picks.Length - 1)]], keys[0], ct);
                var end = Stopwatch.GetTimestamp();
                if (end >= times.Counted && end < times.End)
                {
                    counted.Add(end - start);
                }
                start = end;
            }
            return (counted, all);
        }
    }

    private static async Task CheckAsync(NpgsqlDataSource source, byte[] hash, BenchmarkKey service, CancellationToken ct)
    {
        var now = TimeProvider.System.GetUtcNow();
        await using var command = source.CreateCommand(Check);
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = hash });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = service.Service });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = service.Version });
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = RequestId.At(now) });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now });
        if (await command.ExecuteScalarAsync(ct) is not long)
        {
            throw new LoadFaultException("The SQL statement let a key not pass that may.");
        }
    }
}
