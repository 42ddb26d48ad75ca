using Microsoft.EntityFrameworkCore;
using Pandora.Core.Persistence;

namespace Pandora.Core.Quotas;

/// <summary>
/// Row locks on quotas, inside the caller's transaction. Every writer, the gate included, takes them in one order, so
/// that no two of them wait for each other: first the records above (<see cref="RecordLocks"/>), then project services by
/// (project, service), then environment services by the number of their counter.
/// </summary>
internal static class QuotaLocks
{
    /// <summary>Before a client and all below it is deleted.</summary>
    public static Task LockQuotasOfClientAsync(this PandoraDb db, int clientId, CancellationToken ct) =>
        db.Database.ExecuteSqlAsync(
            $"""
            SELECT 1 FROM client WHERE id = {clientId} FOR UPDATE;
            SELECT 1 FROM project WHERE client_id = {clientId} ORDER BY id FOR UPDATE;
            SELECT 1 FROM environment WHERE project_id IN (SELECT id FROM project WHERE client_id = {clientId})
             ORDER BY id FOR UPDATE;
            SELECT 1 FROM project_service WHERE project_id IN (SELECT id FROM project WHERE client_id = {clientId})
             ORDER BY project_id, service_id FOR UPDATE;
            SELECT 1 FROM environment_service WHERE project_id IN (SELECT id FROM project WHERE client_id = {clientId})
             ORDER BY id FOR UPDATE;
            """,
            ct);

    /// <summary>Before a project and all below it is deleted.</summary>
    public static Task LockQuotasOfProjectAsync(this PandoraDb db, int projectId, CancellationToken ct) =>
        db.Database.ExecuteSqlAsync(
            $"""
            SELECT 1 FROM project WHERE id = {projectId} FOR UPDATE;
            SELECT 1 FROM environment WHERE project_id = {projectId} ORDER BY id FOR UPDATE;
            SELECT 1 FROM project_service WHERE project_id = {projectId} ORDER BY project_id, service_id FOR UPDATE;
            SELECT 1 FROM environment_service WHERE project_id = {projectId} ORDER BY id FOR UPDATE;
            """,
            ct);

    /// <summary>Before an environment and all below it is deleted.</summary>
    public static Task LockQuotasOfEnvironmentAsync(this PandoraDb db, int environmentId, CancellationToken ct) =>
        db.Database.ExecuteSqlAsync(
            $"""
            SELECT 1 FROM environment WHERE id = {environmentId} FOR UPDATE;
            SELECT 1 FROM environment_service WHERE environment_id = {environmentId}
             ORDER BY id FOR UPDATE;
            """,
            ct);

    /// <summary>
    /// Locks one service of a project and returns it tracked, with its <see cref="ProjectServiceRow.Service"/>. Null: the
    /// project does not hold it.
    /// </summary>
    public static async Task<ProjectServiceRow?> LockProjectServiceAsync(
        this PandoraDb db, int projectId, int serviceId, CancellationToken ct) =>
        (await db.LockProjectServicesAsync(projectId, [serviceId], ct)).SingleOrDefault();

    /// <summary>
    /// Locks services of a project and returns those it holds, tracked, as stored. Everything that checks or changes how a
    /// project's requests are handed out holds this lock.
    /// </summary>
    public static Task<List<ProjectServiceRow>> LockProjectServicesAsync(
        this PandoraDb db, int projectId, int[] serviceIds, CancellationToken ct) =>
        db.ProjectServices
            .FromSql(
                $"""
                SELECT * FROM project_service WHERE project_id = {projectId} AND service_id = ANY ({serviceIds})
                 ORDER BY project_id, service_id FOR UPDATE
                """)
            .Include(row => row.Service)
            .AsTracking()
            .ToListAsync(ct);

    /// <summary>
    /// Locks one counter and returns it tracked, as stored. Null: the environment does not hold the service. The project
    /// service must be locked already.
    /// </summary>
    public static Task<EnvironmentServiceRow?> LockEnvironmentServiceAsync(
        this PandoraDb db, int environmentId, int serviceId, CancellationToken ct) =>
        db.EnvironmentServices
            .FromSql(
                $"""
                SELECT * FROM environment_service WHERE environment_id = {environmentId} AND service_id = {serviceId}
                 FOR UPDATE
                """)
            .AsTracking()
            .SingleOrDefaultAsync(ct);

    /// <summary>Locks the counters of services of a project. The project services must be locked already.</summary>
    public static Task LockEnvironmentServicesAsync(
        this PandoraDb db, int projectId, int[] serviceIds, CancellationToken ct) =>
        db.Database.ExecuteSqlAsync(
            $"""
            SELECT 1 FROM environment_service WHERE project_id = {projectId} AND service_id = ANY ({serviceIds})
             ORDER BY id FOR UPDATE
            """,
            ct);
}
