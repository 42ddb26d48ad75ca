using Microsoft.EntityFrameworkCore;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;
using Pandora.Core.Quotas;
using Pandora.Core.Rest;

namespace Pandora.Core.Projects;

/// <summary>REST: projects. Their services are in <see cref="ProjectServiceEndpoints"/>.</summary>
internal static class ProjectEndpoints
{
    public static void MapProjects(this IEndpointRouteBuilder api)
    {
        var projects = api.MapGroup("").WithTags("Projects");
        projects.MapGet("/projects", List).ProducesOk<Project[]>(422);
        projects.MapPost("/projects", Create).ProducesCreated<Project>(404, 409, 413, 422);
        projects.MapGet("/projects/{id}", Get).ProducesOk<Project>(404, 422);
        projects.MapPatch("/projects/{id}", Update).ProducesOk<Project>(404, 409, 413, 422);
        projects.MapDelete("/projects/{id}", Delete).ProducesNoContent(404, 422);
        projects.MapPost("/projects/{id}/enable", Enable).ProducesNoContent(404, 422);
        projects.MapPost("/projects/{id}/disable", Disable).ProducesNoContent(404, 422);
        projects.MapProjectServices();
        api.MapGet("/clients/{id}/projects", ListOfClient).WithTags("Clients").ProducesOk<Project[]>(404, 422);
    }

    private static async Task<IResult> List(Query<NoFilter> query, PandoraDb db, TimeProvider time, CancellationToken ct)
    {
        var now = time.Now();
        return await query.Page.AnswerAsync(db.Projects, WithServices, row => Project.Of(row, now), ct);
    }

    private static async Task<IResult> ListOfClient(
        PathId id, Query<NoFilter> query, PandoraDb db, TimeProvider time, CancellationToken ct)
    {
        if (!await db.Clients.AnyAsync(client => client.Id == id.Value, ct))
        {
            return id.NotFound("Client");
        }
        var now = time.Now();
        return await query.Page.AnswerAsync(
            db.Projects.Where(row => row.ClientId == id.Value), WithServices, row => Project.Of(row, now), ct);
    }

    /// <summary>Together with its services, all or nothing.</summary>
    private static async Task<IResult> Create(Body<ProjectCreate> body, PandoraDb db, CancellationToken ct)
    {
        var input = body.Value;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await db.ShareLockClientAsync(input.ClientId.Value, ct))
        {
            return Error.NotFound("Client", ("id", input.ClientId.Identifier)) with { Loc = "client_id" };
        }
        var kept = await db.ShareLockServicesAsync([.. input.Services.Select(entry => entry.Id.Value).Distinct()], ct);
        var services = kept.ToDictionary(service => service.Id);
        if (FaultsOf(input.Services, services) is { Count: > 0 } faults)
        {
            return Error.Combine(faults);
        }

        var project = new ProjectRow
        {
            ClientId = input.ClientId.Value,
            Name = input.Name,
            Status = SwitchStatus.Enabled,
            CreatedAt = body.Now,
        };
        project.Services.AddRange(input.Services.Select(entry => entry.ToRow(services[entry.Id.Value], body.Now)));
        db.Projects.Add(project);
        if (await db.TrySaveAsync(ct) is not null)
        {
            return Taken(project);
        }
        await transaction.CommitAsync(ct);
        return TypedResults.Created((string?)null, Project.Of(project, body.Now));
    }

    private static async Task<IResult> Get(PathId id, PandoraDb db, TimeProvider time, CancellationToken ct)
    {
        var now = time.Now();
        return await WithServices(db.Projects).FirstOrDefaultAsync(row => row.Id == id.Value, ct) is { } row
            ? TypedResults.Ok(Project.Of(row, now))
            : id.NotFound("Project");
    }

    private static async Task<IResult> Update(PathId id, Body<ProjectUpdate> body, PandoraDb db, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await db.LockProjectAsync(id.Value, ct) is not { } project)
        {
            return id.NotFound("Project");
        }
        project.Name = body.Value.Name ?? project.Name;
        if (await db.TrySaveAsync(ct) is not null)
        {
            return Taken(project);
        }
        var row = await WithServices(db.Projects).FirstAsync(row => row.Id == id.Value, ct);
        await transaction.CommitAsync(ct);
        return TypedResults.Ok(Project.Of(row, body.Now));
    }

    private static async Task<IResult> Delete(PathId id, PandoraDb db, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.LockQuotasOfProjectAsync(id.Value, ct);
        var deleted = await db.Projects.Where(project => project.Id == id.Value).ExecuteDeleteAsync(ct);
        await transaction.CommitAsync(ct);
        return deleted == 0 ? id.NotFound("Project") : TypedResults.NoContent();
    }

    private static Task<IResult> Enable(PathId id, PandoraDb db, CancellationToken ct) =>
        Switch(id, SwitchStatus.Enabled, db, ct);

    private static Task<IResult> Disable(PathId id, PandoraDb db, CancellationToken ct) =>
        Switch(id, SwitchStatus.Disabled, db, ct);

    private static async Task<IResult> Switch(PathId id, SwitchStatus status, PandoraDb db, CancellationToken ct)
    {
        var switched = await db.Projects
            .Where(project => project.Id == id.Value)
            .ExecuteUpdateAsync(set => set.SetProperty(project => project.Status, status), ct);
        return switched == 0 ? id.NotFound("Project") : TypedResults.NoContent();
    }

    /// <summary>What is wrong with the entries, at most one fault each, in their order.</summary>
    private static List<Error> FaultsOf(IReadOnlyList<ProjectServiceCreate> entries, Dictionary<int, ServiceRow> services)
    {
        var faults = new List<Error>();
        var seen = new HashSet<int>();
        foreach (var (i, entry) in entries.Index())
        {
            var loc = $"services[{i}].id";
            if (!services.ContainsKey(entry.Id.Value))
            {
                faults.Add(Error.NotFound("Service", ("id", entry.Id.Identifier)) with { Loc = loc });
            }
            else if (!seen.Add(entry.Id.Value))
            {
                faults.Add(Error.AlreadyExists("ProjectService", ("id", entry.Id.Identifier)) with { Loc = loc });
            }
        }
        return faults;
    }

    private static Error Taken(ProjectRow project) =>
        Error.AlreadyExists("Project", ("name", project.Name), ("client_id", project.ClientId));

    // One statement for all, so that counters and schedules are of one moment.
    private static IQueryable<ProjectRow> WithServices(IQueryable<ProjectRow> projects) =>
        projects
            .AsNoTracking()
            .Include(project => project.Services)
            .ThenInclude(assignment => assignment.Service)
            .AsSingleQuery();
}
