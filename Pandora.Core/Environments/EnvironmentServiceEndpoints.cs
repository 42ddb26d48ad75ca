using Microsoft.EntityFrameworkCore;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;
using Pandora.Core.Quotas;
using Pandora.Core.Rest;

namespace Pandora.Core.Environments;

/// <summary>REST: the services of an environment and their quotas.</summary>
internal static class EnvironmentServiceEndpoints
{
    public static void MapEnvironmentServices(this IEndpointRouteBuilder environments)
    {
        environments.MapPost("/environments/{id}/services", Assign).ProducesOk<EnvService>(404, 409, 413, 422);
        environments.MapPatch("/environments/{id}/services/{service_id}", Update).ProducesOk<EnvService>(404, 413, 422);
        environments.MapDelete("/environments/{id}/services/{service_id}", Remove).ProducesNoContent(404, 422);
        environments.MapPost("/environments/{id}/services/{service_id}/reset-requests", Reset).ProducesOk<EnvService>(404, 422);
    }

    private static async Task<IResult> Assign(
        PathId id, Body<EnvironmentServiceCreate> body, PandoraDb db, CancellationToken ct)
    {
        var input = body.Value;
        var serviceId = input.Id.Value;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await db.ShareLockEnvironmentAsync(id.Value, ct) is not { } environment)
        {
            return id.NotFound("Environment");
        }
        if (await db.LockProjectServiceAsync(environment.ProjectId, serviceId, ct) is not { } assignment)
        {
            return Error.NotFound("Service", ("id", input.Id.Identifier)) with { Loc = "id" };
        }
        if (await db.EnvironmentServices.AnyAsync(row => row.EnvironmentId == id.Value && row.ServiceId == serviceId, ct))
        {
            return Error.AlreadyExists("EnvironmentService", ("id", serviceId));
        }
        var allocation = await db.AllocationAsync(assignment, ct);
        if (!allocation.Allows(input.MaxRequests))
        {
            return QuotaRefusal.OfEnvironment(
                EnvironmentServiceCreate.Entity, "max_requests", assignment, allocation, input.MaxRequests);
        }
        var counter = input.ToRow(assignment, body.Now);
        counter.EnvironmentId = id.Value;
        db.EnvironmentServices.Add(counter);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return TypedResults.Ok(EnvService.Of(counter, body.Now));
    }

    private static async Task<IResult> Update(
        PathId id, PathId serviceId, Body<EnvironmentServiceUpdate> body, PandoraDb db, CancellationToken ct)
    {
        var max = body.Value.MaxRequests;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await LockAsync(id, serviceId, db, ct) is not { } counter)
        {
            return await NotFound(id, serviceId, db, ct);
        }
        await db.SettleAsync(counter, body.Now, ct);
        var allocation = await db.AllocationAsync(counter.ProjectService!, ct);
        if (!allocation.Allows(max, counter.MaxRequests))
        {
            return QuotaRefusal.OfEnvironment(
                EnvironmentServiceUpdate.Entity,
                "max_requests",
                counter.ProjectService!,
                allocation,
                max,
                counter.MaxRequests);
        }
        counter.Quota = counter.Quota.ChangeTo(max);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return TypedResults.Ok(EnvService.Of(counter, body.Now));
    }

    private static async Task<IResult> Remove(PathId id, PathId serviceId, PandoraDb db, CancellationToken ct)
    {
        var removed = await db.EnvironmentServices
            .Where(counter => counter.EnvironmentId == id.Value && counter.ServiceId == serviceId.Value)
            .ExecuteDeleteAsync(ct);
        return removed == 0 ? await NotFound(id, serviceId, db, ct) : TypedResults.NoContent();
    }

    private static async Task<IResult> Reset(
        PathId id, PathId serviceId, PandoraDb db, TimeProvider time, CancellationToken ct)
    {
        var now = time.Now();
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await LockAsync(id, serviceId, db, ct) is not { } counter)
        {
            return await NotFound(id, serviceId, db, ct);
        }
        counter.FillUp(now);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return TypedResults.Ok(EnvService.Of(counter, now));
    }

    /// <summary>
    /// Locks the project service and the counter, and returns that tracked, as stored. Null: the environment does not hold
    /// the service, or does not exist.
    /// </summary>
    private static async Task<EnvironmentServiceRow?> LockAsync(
        PathId id, PathId serviceId, PandoraDb db, CancellationToken ct)
    {
        // An environment never changes its project, so this may be read before anything is locked.
        var projectId = await db.Environments
            .Where(environment => environment.Id == id.Value)
            .Select(environment => environment.ProjectId)
            .FirstOrDefaultAsync(ct);
        return await db.LockProjectServiceAsync(projectId, serviceId.Value, ct) is null
            ? null
            : await db.LockEnvironmentServiceAsync(id.Value, serviceId.Value, ct);
    }

    /// <summary>Tells whether the environment is missing, or only the service on it.</summary>
    private static async Task<Error> NotFound(PathId id, PathId serviceId, PandoraDb db, CancellationToken ct) =>
        await db.Environments.AnyAsync(environment => environment.Id == id.Value, ct)
            ? serviceId.NotFound("Service")
            : id.NotFound("Environment");
}
