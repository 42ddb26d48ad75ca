using Microsoft.EntityFrameworkCore;
using Pandora.Core.Persistence;

namespace Pandora.Core.Quotas;

/// <summary>Sums up what a project has handed out, inside the transaction that locked the project service.</summary>
internal static class Allocations
{
    /// <summary>What environments hold of a service of their project.</summary>
    public static async Task<Allocation> AllocationAsync(
        this PandoraDb db, ProjectServiceRow assignment, CancellationToken ct) =>
        (await db.AllocationsAsync(assignment.ProjectId, [assignment], ct))[assignment.ServiceId];

    /// <summary>Like the above for several services of one project, by service id.</summary>
    public static async Task<Dictionary<int, Allocation>> AllocationsAsync(
        this PandoraDb db, int projectId, IReadOnlyList<ProjectServiceRow> assignments, CancellationToken ct)
    {
        var serviceIds = assignments.Select(assignment => assignment.ServiceId).ToArray();
        var sums = await db.EnvironmentServices
            .Where(counter => counter.ProjectId == projectId && serviceIds.Contains(counter.ServiceId))
            .GroupBy(counter => counter.ServiceId)
            .Select(counters => new
            {
                ServiceId = counters.Key,
                // Decimal, because enough of the largest quotas exceed 64 bits.
                Allocated = counters.Sum(counter => counter.MaxRequests == Quota.Unlimited ? 0m : counter.MaxRequests),
                Unlimited = counters.Count(counter => counter.MaxRequests == Quota.Unlimited),
            })
            .ToDictionaryAsync(sum => sum.ServiceId, ct);
        return assignments.ToDictionary(
            assignment => assignment.ServiceId,
            assignment => sums.TryGetValue(assignment.ServiceId, out var sum)
                ? new Allocation(assignment.MaxRequests, sum.Allocated, sum.Unlimited)
                : new Allocation(assignment.MaxRequests, 0, 0));
    }
}
