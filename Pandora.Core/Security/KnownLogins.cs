using System.Collections.Concurrent;
using Npgsql;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;

namespace Pandora.Core.Security;

/// <summary>
/// From where a right password came within 30 days, for which username, on whatever node. It is read every few seconds and
/// kept in memory: a flood of logins must not be able to keep this question waiting. That it is a little old does no harm,
/// as it decides about nothing but who waits with whom.
/// </summary>
internal sealed class KnownLogins(NpgsqlDataSource dataSource, TimeProvider time) : BackgroundService
{
    /// <summary>More than the rows that a username may have; see <see cref="LoginFailures.ClearAsync"/>.</summary>
    private const int Most = 10_000;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>Each with the reading that last found it.</summary>
    private readonly ConcurrentDictionary<(string Address, string Username), long> _known = new();

    private long _readings;

    public bool Contains(string username, PeerAddress peer) => _known.ContainsKey(KeyOf(username, peer));

    /// <summary>A right password was told here just now.</summary>
    public void Add(string username, PeerAddress peer) => _known[KeyOf(username, peer)] = Volatile.Read(ref _readings) + 1;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await ReadAsync(stoppingToken);
            }
            catch (Exception e) when (e is NpgsqlException || DatabaseFaults.IsUnavailable(e))
            {
                // What was known stays so; everything else that needs the database tells that it is away.
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task ReadAsync(CancellationToken ct)
    {
        const string Sql =
            """
            SELECT address, encode(username, 'hex') FROM known_login
             WHERE last_login BETWEEN $1 - interval '30 days' AND $1 + interval '15 min'
             ORDER BY last_login DESC
             LIMIT $2
            """;
        var reading = Interlocked.Increment(ref _readings);
        await using var command = dataSource.CreateCommand(Sql);
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = time.Now() });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = Most });
        await using (var row = await command.ExecuteReaderAsync(ct))
        {
            while (await row.ReadAsync(ct))
            {
                var key = (row.GetString(0), row.GetString(1));
                _known.AddOrUpdate(key, reading, (_, last) => Math.Max(last, reading));
            }
        }
        foreach (var (key, last) in _known)
        {
            if (last < reading)
            {
                _known.TryRemove(new(key, last));
            }
        }
    }

    private static (string Address, string Username) KeyOf(string username, PeerAddress peer) =>
        (peer.Counted, Convert.ToHexStringLower(LoginFailures.HashOf(username)));
}
