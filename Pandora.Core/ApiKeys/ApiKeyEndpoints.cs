using Microsoft.EntityFrameworkCore;
using Pandora.Core.Errors;
using Pandora.Core.Keys;
using Pandora.Core.Persistence;
using Pandora.Core.Rest;
using Pandora.Core.Security;

namespace Pandora.Core.ApiKeys;

/// <summary>REST: API keys, and the list of those of an environment. Showing a key again is apart, in <see cref="RevealEndpoint"/>.</summary>
internal static class ApiKeyEndpoints
{
    public static void MapApiKeys(this IEndpointRouteBuilder api)
    {
        var keys = api.MapGroup("").WithTags("API keys");
        keys.MapPost("/api-keys", Create).ProducesCreated<NewApiKey>(404, 413, 422);
        keys.MapGet("/api-keys/{id}", Get).ProducesOk<ApiKey>(404, 422);
        keys.MapPatch("/api-keys/{id}", Update).ProducesOk<ApiKey>(404, 413, 422);
        keys.MapDelete("/api-keys/{id}", Delete).ProducesNoContent(404, 422);
        keys.MapPost("/api-keys/{id}/enable", Enable).ProducesNoContent(404, 422);
        keys.MapPost("/api-keys/{id}/disable", Disable).ProducesNoContent(404, 422);
        api.MapGet("/environments/{id}/api-keys", List).WithTags("API keys").ProducesOk<ApiKey[]>(404, 422);
    }

    private static async Task<IResult> List(PathId id, Query<NoFilter> query, PandoraDb db, CancellationToken ct)
    {
        if (!await db.Environments.AnyAsync(environment => environment.Id == id.Value, ct))
        {
            return id.NotFound("Environment");
        }
        return await query.Page.AnswerAsync(
            db.ApiKeys.AsNoTracking().Where(key => key.EnvironmentId == id.Value), ApiKey.Of, ct);
    }

    private static async Task<IResult> Create(
        Body<ApiKeyCreate> body, PandoraDb db, ApiKeyHasher hasher, KeyRing ring, CancellationToken ct)
    {
        var place = body.Value.EnvironmentId;
        var environment = await db.Environments.AsNoTracking()
            .Include(row => row.Project)
            .FirstOrDefaultAsync(row => row.Id == place.Value, ct);
        if (environment is null)
        {
            return UnknownEnvironment(place);
        }
        if (RefusalOf(environment) is { } refusal)
        {
            return refusal;
        }

        var secret = ApiKeyText.Make();
        var hash = hasher.Hash(secret);
        var (materialId, ciphertext) = ring.Seal(secret, hash);
        var key = new ApiKeyRow
        {
            EnvironmentId = environment.Id,
            KeyHash = hash,
            KeyMask = ApiKeyText.Mask(secret),
            KeyCiphertext = ciphertext,
            KeyMaterialId = materialId,
            Status = SwitchStatus.Enabled,
            ExpiresAt = body.Value.ExpiresAt,
            CreatedAt = body.Now,
        };
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.KeepPepperAsync(hasher, ct);
        db.ApiKeys.Add(key);
        if (await db.TrySaveAsync(ct) is not null)
        {
            // The foreign key: the environment was deleted just now.
            return UnknownEnvironment(place);
        }
        await transaction.CommitAsync(ct);
        return TypedResults.Created((string?)null, new NewApiKey(key, secret));
    }

    private static async Task<IResult> Get(PathId id, PandoraDb db, CancellationToken ct) =>
        await db.ApiKeys.AsNoTracking().FirstOrDefaultAsync(key => key.Id == id.Value, ct) is { } row
            ? TypedResults.Ok(ApiKey.Of(row))
            : id.NotFound("APIKey");

    private static async Task<IResult> Update(PathId id, Body<ApiKeyUpdate> body, PandoraDb db, CancellationToken ct)
    {
        if (body.Value.SetsExpiry)
        {
            await db.ApiKeys.Where(key => key.Id == id.Value)
                .ExecuteUpdateAsync(key => key.SetProperty(row => row.ExpiresAt, body.Value.ExpiresAt), ct);
        }
        return await Get(id, db, ct);
    }

    private static async Task<IResult> Delete(PathId id, PandoraDb db, CancellationToken ct) =>
        await db.ApiKeys.Where(key => key.Id == id.Value).ExecuteDeleteAsync(ct) == 0
            ? id.NotFound("APIKey")
            : TypedResults.NoContent();

    private static async Task<IResult> Enable(PathId id, PandoraDb db, TimeProvider time, CancellationToken ct)
    {
        var key = await db.ApiKeys.AsNoTracking()
            .Include(row => row.Environment!.Project)
            .FirstOrDefaultAsync(row => row.Id == id.Value, ct);
        if (key is null)
        {
            return id.NotFound("APIKey");
        }
        if (key.ExpiresAt < time.Now())
        {
            return Error.State("APIKey", "The key has expired; give it a later expiry first.", ("id", key.Id));
        }
        return RefusalOf(key.Environment!) ?? await SwitchAsync(id, SwitchStatus.Enabled, db, ct);
    }

    private static Task<IResult> Disable(PathId id, PandoraDb db, CancellationToken ct) =>
        SwitchAsync(id, SwitchStatus.Disabled, db, ct);

    private static async Task<IResult> SwitchAsync(PathId id, SwitchStatus status, PandoraDb db, CancellationToken ct) =>
        await db.ApiKeys.Where(key => key.Id == id.Value)
            .ExecuteUpdateAsync(key => key.SetProperty(row => row.Status, status), ct) == 0
            ? id.NotFound("APIKey")
            : TypedResults.NoContent();

    /// <summary>Why no key may be created or enabled there. Null: it may.</summary>
    private static Error? RefusalOf(EnvironmentRow environment)
    {
        if (environment.Status != SwitchStatus.Enabled)
        {
            return Error.State("Environment", "The environment is disabled.", ("id", environment.Id));
        }
        return environment.Project!.Status != SwitchStatus.Enabled
            ? Error.State("Project", "The project of the environment is disabled.", ("id", environment.ProjectId))
            : null;
    }

    private static Error UnknownEnvironment(RecordId id) =>
        Error.NotFound("Environment", ("id", id.Identifier)) with { Loc = "environment_id" };

    /// <summary>
    /// Fails unless all nodes still hash with this node's pepper, and keeps it so until the transaction ends: a node started
    /// with another one while there were no keys may have changed the mark.
    /// </summary>
    private static async Task KeepPepperAsync(this PandoraDb db, ApiKeyHasher hasher, CancellationToken ct)
    {
        var marks = await db.Database
            .SqlQuery<string>($"SELECT value AS \"Value\" FROM installation WHERE name = {SecurityStart.PepperMark} FOR SHARE")
            .ToListAsync(ct);
        if (marks is not [var mark] || mark != hasher.PepperMark)
        {
            throw new InvalidOperationException(
                "PANDORA_API_KEY_PEPPER of this node is no longer the one of the database; give all nodes the same and restart them.");
        }
    }
}
