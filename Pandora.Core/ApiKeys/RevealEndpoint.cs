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
        var (outcome, answer) = await DecideAsync(id, caller, db, ring, ct);
        var now = time.Now();
        db.RevealAudits.Add(new RevealAuditRow
        {
            Id = Guid.CreateVersion7(now),
            CreatedAt = now,
            Username = caller.Account.Username,
            TokenId = caller.TokenId,
            ApiKeyId = id.Value == 0 ? null : id.Value,
            PeerAddress = PeerAddress.Of(context),
            Outcome = outcome,
        });
        await db.SaveChangesAsync(ct);
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
        return ring.Open(new SealedKey(row.KeyMaterialId, row.KeyCiphertext), row.KeyHash) is { } text
            ? ("granted", TypedResults.Ok(new RevealedKey(text)))
            : ("undecryptable", Error.Unexpected());
    }
}
