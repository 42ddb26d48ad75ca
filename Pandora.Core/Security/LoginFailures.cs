using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Pandora.Core.Security;

/// <summary>
/// The two counters of failed passwords that an attempt shares with others: of its peer address, and of that together with
/// the username text. They are in the database, so that all nodes together allow as many as one. After five failures a
/// counter is locked for 30 s; each failure after a lock ended locks it twice as long, up to 15 min. It is forgotten after
/// 60 min without failure. One that lies more than 15 min ahead was written by a node whose clock was wrong, and does not
/// count.
/// </summary>
/// <remarks>
/// A failure is counted after its password was hashed, and for an address that is locked nothing is hashed. So the table
/// grows by two rows for each hash at most, whatever is sent from wherever, and by about 14 rows an hour for one address.
/// </remarks>
internal sealed class LoginFailures(NpgsqlConnection connection, string username, PeerAddress peer, DateTimeOffset now)
{
    private const string IsOneOfThem = "counter.address = $1 AND counter.username IN ('', $2)";

    private const string Counts =
        "counter.last_failure > $3 - interval '60 min' AND counter.last_failure <= $3 + interval '15 min'";

    private const string IsRecent = "last_login BETWEEN $3 - interval '30 days' AND $3 + interval '15 min'";

    /// <summary>As usernames are stored: what somebody typed into the wrong field cannot be read there.</summary>
    public static byte[] HashOf(string username) => SHA256.HashData(Encoding.UTF8.GetBytes(username));

    /// <summary>Until when one of the counters is locked, without taking them. Null: neither was so far.</summary>
    public async Task<DateTimeOffset?> LookAsync(CancellationToken ct)
    {
        await using var command = Command(
            $"SELECT max(counter.locked_until) FROM login_failure AS counter WHERE {IsOneOfThem} AND {Counts}");
        return await InstantAsync(command, ct);
    }

    /// <summary>
    /// Takes both counters until the transaction ends; another attempt from the address waits. Every attempt takes that of
    /// the address first, so that no two wait for each other.
    /// </summary>
    /// <returns>Until when one of them is locked. Null: neither was so far.</returns>
    public async Task<DateTimeOffset?> TakeAsync(CancellationToken ct)
    {
        const string Sql =
            $"""
            WITH taken AS (
                INSERT INTO login_failure AS counter (address, username, failures, last_failure)
                VALUES ($1, '', 0, $3), ($1, $2, 0, $3)
                ON CONFLICT (address, username) DO UPDATE SET
                    failures = CASE WHEN {Counts} THEN counter.failures ELSE 0 END,
                    locked_until = CASE WHEN {Counts} THEN counter.locked_until END
                RETURNING counter.locked_until)
            SELECT max(locked_until) FROM taken
            """;
        await using var command = Command(Sql);
        return await InstantAsync(command, ct);
    }

    /// <summary>Adds one failure to each of those taken, and drops some counters that are forgotten.</summary>
    public async Task CountAsync(CancellationToken ct)
    {
        await RunAsync(
            $"""
            UPDATE login_failure AS counter
               SET failures = failures + 1,
                   locked_until = CASE WHEN failures >= 4
                       THEN $3 + LEAST(interval '30 s' * 2 ^ LEAST(failures - 4, 5), interval '15 min') END,
                   last_failure = $3
             WHERE {IsOneOfThem}
            """,
            ct);
        // Rows that another attempt holds are skipped: it is about to use them.
        await RunAsync(
            $"""
            DELETE FROM login_failure WHERE ctid IN (
                SELECT counter.ctid FROM login_failure AS counter WHERE NOT ({Counts}) LIMIT 1000 FOR UPDATE SKIP LOCKED)
            """,
            ct);
    }

    /// <summary>
    /// Ends the counting of both, and remembers that a right password came from here: for 30 days, of the last 1000
    /// addresses of a username.
    /// </summary>
    public async Task ClearAsync(CancellationToken ct)
    {
        await RunAsync($"DELETE FROM login_failure AS counter WHERE {IsOneOfThem}", ct);
        await RunAsync(
            """
            INSERT INTO known_login (address, username, last_login) VALUES ($1, $2, $3)
            ON CONFLICT (address, username) DO UPDATE SET last_login = EXCLUDED.last_login
            """,
            ct);
        await RunAsync(
            $"""
            DELETE FROM known_login WHERE ctid IN (
                SELECT ctid FROM known_login WHERE NOT ({IsRecent}) LIMIT 1000 FOR UPDATE SKIP LOCKED)
            """,
            ct);
        await RunAsync(
            """
            DELETE FROM known_login WHERE ctid IN (
                SELECT ctid FROM known_login WHERE username = $2 ORDER BY last_login DESC OFFSET 1000 FOR UPDATE SKIP LOCKED)
            """,
            ct);
    }

    private static async Task<DateTimeOffset?> InstantAsync(NpgsqlCommand command, CancellationToken ct) =>
        await command.ExecuteScalarAsync(ct) is DateTime instant ? new DateTimeOffset(instant) : null;

    private async Task RunAsync(string sql, CancellationToken ct)
    {
        await using var command = Command(sql);
        await command.ExecuteNonQueryAsync(ct);
    }

    [SuppressMessage("Security", "CA2100", Justification = "The text is one of the constants above.")]
    private NpgsqlCommand Command(string sql)
    {
        var command = new NpgsqlCommand(sql, connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = peer.Counted });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = HashOf(username) });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now });
        return command;
    }
}
