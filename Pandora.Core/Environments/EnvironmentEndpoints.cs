using Microsoft.EntityFrameworkCore;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;
using Pandora.Core.Quotas;
using Pandora.Core.Rest;

namespace Pandora.Core.Environments;

/// <summary>REST: environments. Their services are in <see cref="EnvironmentServiceEndpoints"/>.</summary>
internal static class EnvironmentEndpoints
{
    public static void MapEnvironments(this IEndpointRouteBuilder api)
    {
        var environments = api.MapGroup("").WithTags("Environments");
        environments.MapGet("/environments", List).ProducesOk<Environment[]>(422);
        environments.MapPost("/environments", Create).ProducesCreated<Environment>(404, 409, 413, 422);
        environments.MapGet("/environments/{id}", Get).ProducesOk<Environment>(404, 422);
        environments.MapPatch("/environments/{id}", Update).ProducesOk<Environment>(404, 409, 413, 422);
        environments.MapDelete("/environments/{id}", Delete).ProducesNoContent(404, 422);
        environments.MapPost("/environments/{id}/enable", Enable).ProducesNoContent(404, 422);
        environments.MapPost("/environments/{id}/disable", Disable).ProducesNoContent(404, 422);
        environments.MapEnvironmentServices();
        api.MapGet("/projects/{id}/environments", ListOfProject).WithTags("Projects").ProducesOk<Environment[]>(404, 422);
    }

    private static async Task<IResult> List(
        Query<EnvironmentFilter> query, PandoraDb db, TimeProvider time, CancellationToken ct)
    {
        var now = time.Now();
        IQueryable<EnvironmentRow> rows = db.Environments;
        if (query.Filter.ProjectId is { Value: var projectId })
        {
            rows = rows.Where(row => row.ProjectId == projectId);
        }
        return await query.Page.AnswerAsync(rows, page => page.WithCountersAt(db, now), row => Environment.Of(row, now), ct);
    }

    private static async Task<IResult> ListOfProject(
        PathId id, Query<NoFilter> query, PandoraDb db, TimeProvider time, CancellationToken ct)
    {
        if (!await db.Projects.AnyAsync(project => project.Id == id.Value, ct))
        {
            return id.NotFound("Project");
        }
        var now = time.Now();
        var rows = db.Environments.Where(row => row.ProjectId == id.Value);
        return await query.Page.AnswerAsync(rows, page => page.WithCountersAt(db, now), row => Environment.Of(row, now), ct);
    }

    /// <summary>Together with its services, all or nothing.</summary>
    private static async Task<IResult> Create(Body<EnvironmentCreate> body, PandoraDb db, CancellationToken ct)
    {
        var input = body.Value;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await db.ShareLockProjectAsync(input.ProjectId.Value, ct))
        {
            return Error.NotFound("Project", ("id", input.ProjectId.Identifier)) with { Loc = "project_id" };
        }
        int[] serviceIds = [.. input.Services.Select(entry => entry.Id.Value).Distinct()];
        var locked = await db.LockProjectServicesAsync(input.ProjectId.Value, serviceIds, ct);
        var allocations = await db.AllocationsAsync(input.ProjectId.Value, locked, ct);
        var assignments = locked.ToDictionary(assignment => assignment.ServiceId);
        if (FaultsOf(input.Services, assignments, allocations) is { Count: > 0 } faults)
        {
            return Error.Combine(faults);
        }

        var environment = new EnvironmentRow
        {
            ProjectId = input.ProjectId.Value,
            Name = input.Name,
            Status = SwitchStatus.Enabled,
            CreatedAt = body.Now,
        };
        environment.Services.AddRange(input.Services.Select(entry => entry.ToRow(assignments[entry.Id.Value], body.Now)));
        db.Environments.Add(environment);
        if (await db.TrySaveAsync(ct) is not null)
        {
            return Taken(environment);
        }
        await transaction.CommitAsync(ct);
        return TypedResults.Created((string?)null, Environment.Of(environment, body.Now));
    }

    private static async Task<IResult> Get(PathId id, PandoraDb db, TimeProvider time, CancellationToken ct)
    {
        var now = time.Now();
        return await db.Environments.Where(row => row.Id == id.Value).WithCountersAt(db, now).SingleOrDefaultAsync(ct) is { } row
            ? TypedResults.Ok(Environment.Of(row, now))
            : id.NotFound("Environment");
    }

    private static async Task<IResult> Update(PathId id, Body<EnvironmentUpdate> body, PandoraDb db, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await db.LockEnvironmentAsync(id.Value, ct) is not { } environment)
        {
            return id.NotFound("Environment");
        }
        environment.Name = body.Value.Name ?? environment.Name;
        if (await db.TrySaveAsync(ct) is not null)
        {
            return Taken(environment);
        }
        var row = await db.Environments.Where(row => row.Id == id.Value).WithCountersAt(db, body.Now).SingleAsync(ct);
        await transaction.CommitAsync(ct);
        return TypedResults.Ok(Environment.Of(row, body.Now));
    }

    private static async Task<IResult> Delete(PathId id, PandoraDb db, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.LockQuotasOfEnvironmentAsync(id.Value, ct);
        var deleted = await db.Environments.Where(environment => environment.Id == id.Value).ExecuteDeleteAsync(ct);
        await transaction.CommitAsync(ct);
        return deleted == 0 ? id.NotFound("Environment") : TypedResults.NoContent();
    }

    private static Task<IResult> Enable(PathId id, PandoraDb db, CancellationToken ct) =>
        Switch(id, SwitchStatus.Enabled, db, ct);

    private static Task<IResult> Disable(PathId id, PandoraDb db, CancellationToken ct) =>
        Switch(id, SwitchStatus.Disabled, db, ct);

    private static async Task<IResult> Switch(PathId id, SwitchStatus status, PandoraDb db, CancellationToken ct)
    {
        var switched = await db.Environments
            .Where(environment => environment.Id == id.Value)
            .ExecuteUpdateAsync(set => set.SetProperty(environment => environment.Status, status), ct);
        return switched == 0 ? id.NotFound("Environment") : TypedResults.NoContent();
    }

    /// <summary>What is wrong with the entries, at most one fault each, in their order.</summary>
    private static List<Error> FaultsOf(
        IReadOnlyList<EnvironmentServiceCreate> entries,
        Dictionary<int, ProjectServiceRow> assignments,
        Dictionary<int, Allocation> allocations)
    {
        var faults = new List<Error>();
        var seen = new HashSet<int>();
        foreach (var (i, entry) in entries.Index())
        {
            var serviceId = entry.Id.Value;
            if (!assignments.TryGetValue(serviceId, out var assignment))
            {
                faults.Add(Error.NotFound("Service", ("id", entry.Id.Identifier)) with { Loc = $"services[{i}].id" });
            }
            else if (!seen.Add(serviceId))
            {
                faults.Add(Error.AlreadyExists("EnvironmentService", ("id", serviceId)) with { Loc = $"services[{i}].id" });
            }
            else if (!allocations[serviceId].Allows(entry.MaxRequests))
            {
                faults.Add(QuotaRefusal.OfEnvironment(
                    EnvironmentCreate.Entity,
                    $"services[{i}].max_requests",
                    assignment,
                    allocations[serviceId],
                    entry.MaxRequests));
            }
        }
        return faults;
    }

    private static Error Taken(EnvironmentRow environment) =>
        Error.AlreadyExists("Environment", ("name", environment.Name), ("project_id", environment.ProjectId));
}
