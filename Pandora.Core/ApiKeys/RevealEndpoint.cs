using Microsoft.EntityFrameworkCore;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;
using Pandora.Core.Rest;
using Pandora.Core.Security;

namespace Pandora.Core.ApiKeys;

/// <summary>
/// REST: shows the whole text of a key again. Whoever asks and is known leaves a record, whatever the answer; that is why
/// the refusals which other routes leave to their policy are made here.
/// </summary>
internal static class RevealEndpoint
{
    public static void MapReveal(this IEndpointRouteBuilder api) =>
        api.MapGet("/api-keys/{id}/reveal/key", Reveal)
            .WithTags("API keys")
            .WithMetadata(new PathMetadata("id", IsUuid: false))
            .RequireAuthorization(Policies.Reveal)
            .ProducesOk<RevealedKey>(404, 422);

    private static async Task<IResult> Reveal(
        Caller caller, HttpContext context, PandoraDb db, KeyRing ring, TimeProvider time, CancellationToken ct)
    {
        var id = PathId.Read(context, "id");
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        var (outcome, answer) = await DecideAsync(id, caller, db, ring, ct);
        var now = time.Now();
        db.RevealAudits.Add(new RevealAuditRow
        {
            Id = Guid.CreateVersion7(now),
            CreatedAt = now,
            Username = caller.Account.Username,
            TokenId = caller.TokenId,
            ApiKeyId = id.Value == 0 ? null : id.Value,
            PeerAddress = PeerAddress.Of(context).ToString(),
            Outcome = outcome,
        });
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return answer;
    }

    private static async Task<(string Outcome, IResult Answer)> DecideAsync(
        PathId id, Caller caller, PandoraDb db, KeyRing ring, CancellationToken ct)
    {
        if (Policies.RevealRequirement.RefusalOf(caller) is { } refusal)
        {
            return ("forbidden", new Error(ErrorCode.Forbidden, refusal));
        }
        if (id.Fault is { } fault)
        {
            return ("invalid_id", fault);
        }
        if (await db.ApiKeys.AsNoTracking().FirstOrDefaultAsync(key => key.Id == id.Value, ct) is not { } row)
        {
            return ("not_found", id.NotFound("APIKey"));
        }
        if (ring.Open(new SealedKey(row.KeyMaterialId, row.KeyCiphertext), row.KeyHash) is not { } text)
        {
            return ("undecryptable", Error.Unexpected());
        }
        return await KeyOfAsync(caller.TokenId, row.Id, db, ct) == row.Id
            ? ("granted", TypedResults.Ok(new RevealedKey(text)))
            : ("forbidden", new Error(ErrorCode.Forbidden, "This token is for another key. Each key needs a token of its own."));
    }

    /// <summary>
    /// The one key that a token serves: the first for which this is called, on whatever node. Another call for the same
    /// token waits until the transaction ends. Rows are kept for a day, by the clock of the database; tokens live for a
    /// minute, by those of the nodes.
    /// </summary>
    private static async Task<int> KeyOfAsync(string tokenId, int keyId, PandoraDb db, CancellationToken ct)
    {
        await db.Database.ExecuteSqlAsync(
            $"""
            DELETE FROM revealed_key WHERE token_id IN (
                SELECT token_id FROM revealed_key WHERE revealed_at < now() - interval '1 day' LIMIT 1000 FOR UPDATE SKIP LOCKED)
            """,
            ct);
        var keys = await db.Database
            .SqlQuery<int>(
                $"""
                INSERT INTO revealed_key AS first (token_id, api_key_id) VALUES ({tokenId}, {keyId})
                ON CONFLICT (token_id) DO UPDATE SET api_key_id = first.api_key_id
                RETURNING api_key_id AS "Value"
                """)
            .ToListAsync(ct);
        return keys.Single();
    }
}
