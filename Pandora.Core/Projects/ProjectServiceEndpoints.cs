using Microsoft.EntityFrameworkCore;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;
using Pandora.Core.Quotas;
using Pandora.Core.Rest;

namespace Pandora.Core.Projects;

/// <summary>REST: the services of a project, their quotas and their resets.</summary>
internal static class ProjectServiceEndpoints
{
    public static void MapProjectServices(this IEndpointRouteBuilder projects)
    {
        projects.MapPost("/projects/{id}/services", Assign).ProducesOk<ProjectService>(404, 409, 413, 422);
        projects.MapPatch("/projects/{id}/services/{service_id}", Update).ProducesOk<ProjectService>(404, 413, 422);
        projects.MapDelete("/projects/{id}/services/{service_id}", Remove).ProducesNoContent(404, 422);
        projects.MapPost("/projects/{id}/services/{service_id}/reset-requests", Reset).ProducesOk<ProjectReset>(404, 413, 422);
    }

    private static async Task<IResult> Assign(
        PathId id, Body<ProjectServiceCreate> body, PandoraDb db, CancellationToken ct)
    {
        var input = body.Value;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await db.ShareLockProjectAsync(id.Value, ct))
        {
            return id.NotFound("Project");
        }
        if (await db.ShareLockServicesAsync([input.Id.Value], ct) is not [var service])
        {
            return Error.NotFound("Service", ("id", input.Id.Identifier)) with { Loc = "id" };
        }
        var assignment = input.ToRow(service, body.Now);
        assignment.ProjectId = id.Value;
        db.ProjectServices.Add(assignment);
        if (await db.TrySaveAsync(ct) is not null)
        {
            return Error.AlreadyExists("ProjectService", ("id", input.Id.Identifier));
        }
        await transaction.CommitAsync(ct);
        return TypedResults.Ok(ProjectService.Of(assignment, body.Now));
    }

    private static async Task<IResult> Update(
        PathId id, PathId serviceId, Body<ProjectServiceUpdate> body, PandoraDb db, CancellationToken ct)
    {
        var input = body.Value;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await db.LockProjectServiceAsync(id.Value, serviceId.Value, ct) is not { } assignment)
        {
            return await NotFound(id, serviceId, db, ct);
        }
        if (input.MaxRequests is { } limit)
        {
            var allocation = await db.AllocationAsync(assignment, ct);
            if (!allocation.AllowsLimit(limit))
            {
                return QuotaRefusal.OfProject(ProjectServiceUpdate.Entity, "max_requests", assignment, allocation, limit);
            }
            assignment.MaxRequests = limit;
        }
        assignment.Schedule = input.Reschedule(assignment.Schedule, body.Now);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return TypedResults.Ok(ProjectService.Of(assignment, body.Now));
    }

    // The environments lose the service with the same statement.
    private static async Task<IResult> Remove(PathId id, PathId serviceId, PandoraDb db, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        int[] serviceIds = [serviceId.Value];
        await db.LockProjectServicesAsync(id.Value, serviceIds, ct);
        await db.LockEnvironmentServicesAsync(id.Value, serviceIds, ct);
        var removed = await db.ProjectServices
            .Where(assignment => assignment.ProjectId == id.Value && assignment.ServiceId == serviceId.Value)
            .ExecuteDeleteAsync(ct);
        if (removed == 0)
        {
            return await NotFound(id, serviceId, db, ct);
        }
        await transaction.CommitAsync(ct);
        return TypedResults.NoContent();
    }

    private static async Task<IResult> Reset(
        PathId id, PathId serviceId, Body<ProjectResetRequest> body, PandoraDb db, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await db.LockProjectServiceAsync(id.Value, serviceId.Value, ct) is not { } assignment)
        {
            return await NotFound(id, serviceId, db, ct);
        }
        // No counter is written: each is full because it has not counted since.
        var schedule = assignment.ScheduleAt(body.Now).ResetAt(body.Now, await CountedSinceAsync(assignment, db, ct));
        assignment.Schedule = body.Value.RecalculateNextReset
            ? schedule.Restart(schedule.Frequency, body.Now)
            : schedule;
        await db.SaveChangesAsync(ct);
        // Read before the commit lets anybody count again: what is shown is what the reset has left.
        var counters = await CountersAsync(assignment, db, ct);
        await transaction.CommitAsync(ct);
        return TypedResults.Ok(new ProjectReset(
            counters.Count,
            ProjectService.Of(assignment, body.Now),
            [.. counters.Select(counter => EnvReset.Of(counter, body.Now))]));
    }

    /// <summary>The latest reset that any counter follows. Null: there is no counter.</summary>
    private static Task<DateTimeOffset?> CountedSinceAsync(ProjectServiceRow assignment, PandoraDb db, CancellationToken ct) =>
        db.EnvironmentServices
            .Where(counter => counter.ProjectId == assignment.ProjectId && counter.ServiceId == assignment.ServiceId)
            .MaxAsync(counter => (DateTimeOffset?)counter.CountedSince, ct);

    private static Task<List<EnvironmentServiceRow>> CountersAsync(
        ProjectServiceRow assignment, PandoraDb db, CancellationToken ct) =>
        db.EnvironmentServices
            .AsNoTracking()
            .Include(counter => counter.Environment)
            .Include(counter => counter.ProjectService!.Service)
            .Where(counter => counter.ProjectId == assignment.ProjectId && counter.ServiceId == assignment.ServiceId)
            .OrderByDescending(counter => counter.Environment!.CreatedAt)
            .ThenByDescending(counter => counter.EnvironmentId)
            .ToListAsync(ct);

    /// <summary>Tells whether the project is missing, or only the service on it.</summary>
    private static async Task<Error> NotFound(PathId id, PathId serviceId, PandoraDb db, CancellationToken ct) =>
        await db.Projects.AnyAsync(project => project.Id == id.Value, ct)
            ? serviceId.NotFound("Service")
            : id.NotFound("Project");
}
