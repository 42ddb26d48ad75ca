using Npgsql;
using NpgsqlTypes;
using Pandora.Core.Gate.Ledger;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Gate.Idempotency;

/// <summary>
/// The store of idempotent answers. A replay of a check within a day gets the first answer: a transaction first
/// locks the names of its checks, then looks for their answers, and remembers those that it makes in its own commit.
/// </summary>
internal static class IdempotencyStore
{
    // More than are remembered meanwhile, however many those are.
    private const int LeastForgottenAtOnce = 100;
    private const int ForgottenForEach = 2;

    private const string ReadVersion = "SELECT version FROM directory_version WHERE id = 1";

    private const string Lock =
        "SELECT pg_advisory_xact_lock(name) FROM (SELECT unnest($1) AS name ORDER BY 1) AS named";

    /// <summary>Whoever made them can take them back only until somebody else was told of them.</summary>
    private const string Claim =
        "UPDATE remembered_answer SET repeated = true WHERE id = ANY ($1) AND answered_at > $2 AND NOT repeated";

    private const string Find =
        """
        SELECT answer.id, answer.content_hash, answer.request_id, answer.reason, answer.available, answer.reset_at,
               answer.reservation_id, answer.expires_at,
               k.environment_id, k.environment_name, k.project_id, k.project_name, k.client_id, k.client_name
          FROM remembered_answer answer
          LEFT JOIN logged_key k ON k.id = answer.logged_key_id
         WHERE answer.id = ANY ($1) AND answer.answered_at > $2
        """;

    // What is found here under the same name is older than a day.
    private const string Remember =
        """
        INSERT INTO remembered_answer (
               id, content_hash, answered_at, request_id, reason, logged_key_id, available, reset_at, reservation_id, expires_at)
        SELECT id, content_hash, $3, request_id, reason, logged_key_id, available, reset_at, reservation_id, expires_at
          FROM unnest($1, $2, $4, $5, $6, $7, $8, $9, $10)
            AS made (id, content_hash, request_id, reason, logged_key_id, available, reset_at, reservation_id, expires_at)
            ON CONFLICT (id) DO UPDATE
           SET content_hash = excluded.content_hash, answered_at = excluded.answered_at, request_id = excluded.request_id,
               reason = excluded.reason, logged_key_id = excluded.logged_key_id, available = excluded.available,
               reset_at = excluded.reset_at, reservation_id = excluded.reservation_id, expires_at = excluded.expires_at,
               repeated = false
        """;

    private const string Forget =
        """
        DELETE FROM remembered_answer WHERE id IN (
            SELECT id FROM remembered_answer WHERE answered_at <= $1 ORDER BY answered_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        """;

    private static readonly TimeSpan KeptFor = TimeSpan.FromHours(24);

    /// <summary>Begins the transaction, in which nobody else uses the names of <paramref name="checks"/>.</summary>
    /// <returns>
    /// The version of the directory; and those of the checks that are replays, with the first answer. Null: the name belongs to
    /// another call.
    /// </returns>
    public static async Task<(long Version, Dictionary<PendingCheck, CheckAnswer?> Replays)> BeginAsync(
        NpgsqlConnection connection, List<PendingCheck> checks, DateTimeOffset now, CancellationToken ct)
    {
        var names = checks.Select(check => check.IdempotencyKey!).DistinctBy(name => name.Key).ToList();
        var ids = names.ConvertAll(name => name.Id);
        var oldest = (now - KeptFor).UtcDateTime;
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(GateSql.Begin);
        batch.Add(Lock).WithLongs(names.ConvertAll(name => name.LockId));
        batch.Add(ReadVersion);
        batch.Add(Claim).WithBytes(ids).With(oldest, NpgsqlDbType.TimestampTz);
        batch.Add(Find).WithBytes(ids).With(oldest, NpgsqlDbType.TimestampTz);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.NextResultAsync(ct); // the locks have a result too
        await reader.ReadAsync(ct);
        var version = reader.GetInt64(0);
        await reader.NextResultAsync(ct);
        var found = new Dictionary<PendingCheck, CheckAnswer?>();
        while (await reader.ReadAsync(ct))
        {
            var id = reader.GetFieldValue<byte[]>(0);
            var fingerprint = reader.GetFieldValue<byte[]>(1);
            var answer = AnswerAt(reader);
            foreach (var check in checks.Where(check => check.IdempotencyKey!.Id.AsSpan().SequenceEqual(id)))
            {
                found.Add(check, check.IdempotencyKey!.Fingerprint.AsSpan().SequenceEqual(fingerprint) ? answer : null);
            }
        }
        return (version, found);
    }

    /// <summary>Remembers the answers of <paramref name="written"/> and commits.</summary>
    public static async Task CommitAsync(
        NpgsqlConnection connection, List<PendingCheck> written, DateTimeOffset now, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        if (written.Count > 0)
        {
            batch.Add(Remember)
                .WithBytes(written.ConvertAll(check => check.IdempotencyKey!.Id))
                .WithBytes(written.ConvertAll(check => check.IdempotencyKey!.Fingerprint))
                .With(now.UtcDateTime, NpgsqlDbType.TimestampTz)
                .WithUuids(written.ConvertAll(check => check.Decision.RequestId))
                .WithShorts(written.ConvertAll(check => (short)check.Decision.Failure))
                .WithInts(written.ConvertAll(check => check.Facts!.Key?.LoggedId ?? 0))
                .WithLongs(written.ConvertAll(check => check.Decision.Available))
                .With(
                    written.ConvertAll(check => check.Facts!.Counter?.Schedule.Advance(now).NextReset.UtcDateTime),
                    NpgsqlDbType.Array | NpgsqlDbType.TimestampTz)
                .With(written.ConvertAll(check => check.Decision.Reservation?.Id), NpgsqlDbType.Array | NpgsqlDbType.Uuid)
                .With(
                    written.ConvertAll(check => check.Decision.Reservation?.ExpiresAt.UtcDateTime),
                    NpgsqlDbType.Array | NpgsqlDbType.TimestampTz);
            batch.Add(Forget)
                .With((now - KeptFor).UtcDateTime, NpgsqlDbType.TimestampTz)
                .With(Math.Max(LeastForgottenAtOnce, ForgottenForEach * written.Count), NpgsqlDbType.Integer);
        }
        batch.Add(GateSql.Commit);
        await batch.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Answers replays, after the commit. If nobody hears it, nothing was done either.</summary>
    public static void Deliver(Dictionary<PendingCheck, CheckAnswer?> replays, NodeMeters meters)
    {
        foreach (var (check, answer) in replays)
        {
            if (answer is null)
            {
                check.Fail(new IdempotencyConflictException());
            }
            else if (check.TryClaim())
            {
                meters.Repeated(AnswerTally.MethodOf(check.Check.Kind));
                AnswerDelivery.Deliver([check], _ => answer);
            }
        }
    }

    public static async Task RollbackAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(GateSql.Rollback);
        await batch.ExecuteNonQueryAsync(ct);
    }

    private static CheckAnswer AnswerAt(NpgsqlDataReader reader) =>
        new(
            reader.GetGuid(2),
            (FailureCode)reader.GetInt16(3),
            reader.IsDBNull(8)
                ? null
                : new KeyOwner(
                    new NamedRecord(reader.GetInt32(8), reader.GetString(9)),
                    new NamedRecord(reader.GetInt32(10), reader.GetString(11)),
                    new NamedRecord(reader.GetInt32(12), reader.GetString(13))),
            reader.GetInt64(4),
            reader.IsDBNull(5) ? null : new DateTimeOffset(reader.GetDateTime(5), TimeSpan.Zero),
            reader.IsDBNull(6)
                ? null
                : new Reservation(reader.GetGuid(6), new DateTimeOffset(reader.GetDateTime(7), TimeSpan.Zero)));
}
