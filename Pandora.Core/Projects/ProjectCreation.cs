using Pandora.Core.Errors;
using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.Projects;

/// <summary>REST: creating a project together with its services, all or nothing.</summary>
internal static class ProjectCreation
{
    public static async Task<IResult> Create(Body<ProjectCreate> body, PandoraDb db, CancellationToken ct)
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
            return ProjectEndpoints.Taken(project);
        }
        await transaction.CommitAsync(ct);
        return TypedResults.Created((string?)null, Project.Of(project, body.Now));
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
}
