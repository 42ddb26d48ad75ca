using System.Security.Cryptography;
using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Pandora.Core.Security;

/// <summary>A counter of failed logins: of one username text, or of one peer address.</summary>
/// <param name="LockedUntil">Null: not locked so far.</param>
internal sealed record FailureCounter(string Kind, byte[] Subject, int Failures, DateTimeOffset? LockedUntil);

/// <summary>
/// Counts failed logins in the database, so that all nodes together allow as many as one. After five failures a counter is
/// locked for 30 s; each failure after a lock ended locks it twice as long, up to 15 min.
/// </summary>
internal static class LoginFailures
{
    private const int FreeFailures = 5;
    private const int SweepLimit = 1000;

    private static readonly TimeSpan FirstLock = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestLock = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan ForgottenAfter = TimeSpan.FromMinutes(60);

    /// <summary>How long a counter is locked after its failure of that number. Null: not at all.</summary>
    public static TimeSpan? LockAfter(int failures)
    {
        if (failures < FreeFailures)
        {
            return null;
        }
        var doublings = Math.Min(failures - FreeFailures, 10);
        var length = FirstLock * (1 << doublings);
        return length < LongestLock ? length : LongestLock;
    }

    /// <summary>The counters as they are, without taking them. Those not counted yet are left out.</summary>
    public static async Task<IReadOnlyList<FailureCounter>> LookAsync(
        NpgsqlConnection connection, string username, string peer, DateTimeOffset now, CancellationToken ct)
    {
        const string Sql =
            """
            SELECT kind, subject, failures, locked_until FROM login_failure
             WHERE ((kind = 'address' AND subject = $1) OR (kind = 'username' AND subject = $2)) AND last_failure > $3
            """;
        await using var command = new NpgsqlCommand(Sql, connection);
        AddParameters(command, username, peer, now);
        return await ReadAsync(command, ct);
    }

    /// <summary>
    /// Takes both counters until the transaction ends; another attempt that shares one of them waits. Every attempt takes
    /// the address first, so that no two wait for each other.
    /// </summary>
    public static async Task<IReadOnlyList<FailureCounter>> TakeAsync(
        NpgsqlConnection connection, string username, string peer, DateTimeOffset now, CancellationToken ct)
    {
        const string Sql =
            """
            INSERT INTO login_failure AS counter (kind, subject, failures, last_failure)
            VALUES ('address', $1, 0, $4), ('username', $2, 0, $4)
            ON CONFLICT (kind, subject) DO UPDATE SET
                failures = CASE WHEN counter.last_failure > $3 THEN counter.failures ELSE 0 END,
                locked_until = CASE WHEN counter.last_failure > $3 THEN counter.locked_until END
            RETURNING kind, subject, failures, locked_until
            """;
        await using var command = new NpgsqlCommand(Sql, connection);
        AddParameters(command, username, peer, now);
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now });
        return await ReadAsync(command, ct);
    }

    /// <summary>Adds one failure to each of the counters taken, and drops some that are forgotten.</summary>
    public static async Task CountAsync(
        NpgsqlConnection connection, IReadOnlyList<FailureCounter> taken, DateTimeOffset now, CancellationToken ct)
    {
        const string Sql =
            """
            UPDATE login_failure AS counter
               SET failures = failed.failures, locked_until = failed.locked_until, last_failure = $5
              FROM unnest($1, $2, $3, $4) AS failed (kind, subject, failures, locked_until)
             WHERE counter.kind = failed.kind AND counter.subject = failed.subject
            """;
        await using var command = new NpgsqlCommand(Sql, connection);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. taken.Select(counter => counter.Kind)] });
        command.Parameters.Add(new NpgsqlParameter<byte[][]> { TypedValue = [.. taken.Select(counter => counter.Subject)] });
        command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = [.. taken.Select(counter => counter.Failures + 1)] });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset?[]>
        {
            TypedValue = [.. taken.Select(counter => now + LockAfter(counter.Failures + 1))],
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
        });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now });
        await command.ExecuteNonQueryAsync(ct);
        await SweepAsync(connection, now, ct);
    }

    /// <summary>Ends the counting of both.</summary>
    public static async Task ClearAsync(NpgsqlConnection connection, IReadOnlyList<FailureCounter> taken, CancellationToken ct)
    {
        const string Sql = "DELETE FROM login_failure WHERE (kind, subject) IN (SELECT * FROM unnest($1, $2))";
        await using var command = new NpgsqlCommand(Sql, connection);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. taken.Select(counter => counter.Kind)] });
        command.Parameters.Add(new NpgsqlParameter<byte[][]> { TypedValue = [.. taken.Select(counter => counter.Subject)] });
        await command.ExecuteNonQueryAsync(ct);
    }

    // Rows that another attempt holds are skipped: it is about to use them.
    private static async Task SweepAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken ct)
    {
        const string Sql =
            """
            DELETE FROM login_failure WHERE ctid IN (
                SELECT ctid FROM login_failure WHERE last_failure <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
            """;
        await using var command = new NpgsqlCommand(Sql, connection);
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now - ForgottenAfter });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = SweepLimit });
        await command.ExecuteNonQueryAsync(ct);
    }

    private static void AddParameters(NpgsqlCommand command, string username, string peer, DateTimeOffset now)
    {
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = SHA256.HashData(Encoding.UTF8.GetBytes(peer)) });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = SHA256.HashData(Encoding.UTF8.GetBytes(username)) });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now - ForgottenAfter });
    }

    private static async Task<IReadOnlyList<FailureCounter>> ReadAsync(NpgsqlCommand command, CancellationToken ct)
    {
        await using var rows = await command.ExecuteReaderAsync(ct);
        var counters = new List<FailureCounter>();
        while (await rows.ReadAsync(ct))
        {
            counters.Add(new FailureCounter(
                rows.GetString(0),
                rows.GetFieldValue<byte[]>(1),
                rows.GetInt32(2),
                rows.IsDBNull(3) ? null : rows.GetFieldValue<DateTimeOffset>(3)));
        }
        return counters;
    }
}
