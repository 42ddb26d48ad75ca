using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Pandora.Core.Security;

/// <summary>
/// The two counters of failed logins that an attempt shares with others: of its username text and of its peer address. They
/// are in the database, so that all nodes together allow as many as one. After five failures a counter is locked for 30 s;
/// each failure after a lock ended locks it twice as long, up to 15 min. It is forgotten after 60 min without failure.
/// </summary>
internal sealed class LoginFailures(NpgsqlConnection connection, string username, string peer, DateTimeOffset now)
{
    private static readonly TimeSpan ForgottenAfter = TimeSpan.FromMinutes(60);

    /// <summary>Until when one of them is locked, without taking them. Null: neither was so far.</summary>
    public async Task<DateTimeOffset?> LookAsync(CancellationToken ct)
    {
        const string Sql =
            """
            SELECT max(locked_until) FROM login_failure
             WHERE (kind, subject) IN (('address', $1), ('username', $2)) AND last_failure > $4
            """;
        await using var command = new NpgsqlCommand(Sql, connection);
        return await RunAsync(command, ct);
    }

    /// <summary>
    /// Takes both until the transaction ends, and tells the same; another attempt that shares one of them waits. Every
    /// attempt takes the address first, so that no two wait for each other.
    /// </summary>
    public async Task<DateTimeOffset?> TakeAsync(CancellationToken ct)
    {
        const string Sql =
            """
            WITH taken AS (
                INSERT INTO login_failure AS counter (kind, subject, failures, last_failure)
                VALUES ('address', $1, 0, $3), ('username', $2, 0, $3)
                ON CONFLICT (kind, subject) DO UPDATE SET
                    failures = CASE WHEN counter.last_failure > $4 THEN counter.failures ELSE 0 END,
                    locked_until = CASE WHEN counter.last_failure > $4 THEN counter.locked_until END
                RETURNING locked_until)
            SELECT max(locked_until) FROM taken
            """;
        await using var command = new NpgsqlCommand(Sql, connection);
        return await RunAsync(command, ct);
    }

    /// <summary>Adds one failure to each of those taken, and drops some counters that are forgotten.</summary>
    public async Task CountAsync(CancellationToken ct)
    {
        const string Count =
            """
            UPDATE login_failure
               SET failures = failures + 1,
                   locked_until = CASE WHEN failures >= 4
                       THEN $3 + LEAST(interval '30 s' * 2 ^ LEAST(failures - 4, 5), interval '15 min') END,
                   last_failure = $3
             WHERE (kind, subject) IN (('address', $1), ('username', $2))
            """;
        await using var count = new NpgsqlCommand(Count, connection);
        await RunAsync(count, ct);
        // Rows that another attempt holds are skipped: it is about to use them.
        const string Sweep =
            """
            DELETE FROM login_failure WHERE ctid IN (
                SELECT ctid FROM login_failure WHERE last_failure <= $4 LIMIT 1000 FOR UPDATE SKIP LOCKED)
            """;
        await using var sweep = new NpgsqlCommand(Sweep, connection);
        await RunAsync(sweep, ct);
    }

    /// <summary>Ends the counting of both.</summary>
    public async Task ClearAsync(CancellationToken ct)
    {
        const string Sql = "DELETE FROM login_failure WHERE (kind, subject) IN (('address', $1), ('username', $2))";
        await using var command = new NpgsqlCommand(Sql, connection);
        await RunAsync(command, ct);
    }

    private async Task<DateTimeOffset?> RunAsync(NpgsqlCommand command, CancellationToken ct)
    {
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = SHA256.HashData(Encoding.UTF8.GetBytes(peer)) });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = SHA256.HashData(Encoding.UTF8.GetBytes(username)) });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now - ForgottenAfter });
        return await command.ExecuteScalarAsync(ct) is DateTime instant ? new DateTimeOffset(instant) : null;
    }
}
