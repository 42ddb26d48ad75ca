using Microsoft.EntityFrameworkCore;

namespace Pandora.Core.Persistence;

/// <summary>
/// Fills up counters inside the caller's transaction. Readers show a due reset without writing it; a writer applies it
/// first, under the lock of the project service, so that what follows counts from the state that readers saw.
/// </summary>
internal static class QuotaResets
{
    /// <summary>
    /// Locks one service of a project and applies its reset if that is due. Returns the row tracked, with its
    /// <see cref="ProjectServiceRow.Service"/>. Null: the project does not hold the service.
    /// </summary>
    public static async Task<ProjectServiceRow?> LockCurrentAsync(
        this PandoraDb db, int projectId, int serviceId, DateTimeOffset now, CancellationToken ct) =>
        (await db.LockCurrentAsync(projectId, [serviceId], now, ct)).SingleOrDefault();

    /// <summary>Like the above for several services of a project; those that it does not hold are left out.</summary>
    public static async Task<List<ProjectServiceRow>> LockCurrentAsync(
        this PandoraDb db, int projectId, int[] serviceIds, DateTimeOffset now, CancellationToken ct)
    {
        var assignments = await db.LockProjectServicesAsync(projectId, serviceIds, ct);
        var due = assignments.FindAll(assignment => assignment.Schedule.IsDue(now));
        if (due.Count > 0)
        {
            await db.FillUpAsync(projectId, [.. due.Select(assignment => assignment.ServiceId)], ct);
            due.ForEach(assignment => assignment.Schedule = assignment.Schedule.Advance(now));
            await db.SaveChangesAsync(ct);
        }
        return assignments;
    }

    /// <summary>
    /// Fills up the counters of services of a project, whatever the status of any record. The project services must be
    /// locked already, and none of the counters tracked. The schedule stays as it is.
    /// </summary>
    public static async Task FillUpAsync(this PandoraDb db, int projectId, int[] serviceIds, CancellationToken ct)
    {
        // An update alone would lock the counters in an order of its own.
        await db.LockEnvironmentServicesAsync(projectId, serviceIds, ct);
        await db.EnvironmentServices
            .Where(counter => counter.ProjectId == projectId && serviceIds.Contains(counter.ServiceId))
            .Where(counter => counter.AvailableRequests != counter.MaxRequests)
            .ExecuteUpdateAsync(
                set => set.SetProperty(counter => counter.AvailableRequests, counter => counter.MaxRequests), ct);
    }
}
