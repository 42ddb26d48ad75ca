using Pandora.Core.Errors;
using Pandora.Core.Persistence;
using Pandora.Core.Quotas;
using Pandora.Core.Rest;

namespace Pandora.Core.Environments;

/// <summary>REST: creating an environment together with its services, all or nothing.</summary>
internal static class EnvironmentCreation
{
    public static async Task<IResult> Create(Body<EnvironmentCreate> body, PandoraDb db, CancellationToken ct)
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
            return EnvironmentEndpoints.Taken(environment);
        }
        await transaction.CommitAsync(ct);
        return TypedResults.Created((string?)null, Environment.Of(environment, body.Now));
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
}
