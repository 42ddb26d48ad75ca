using Microsoft.EntityFrameworkCore;

namespace Pandora.Core.Persistence;

/// <summary>
/// Row locks on quotas, inside the caller's transaction. Every writer, the gate included, takes them in one order, so
/// that no two of them wait for each other: first project services by (project, service), then environment services by
/// (environment, service).
/// </summary>
internal static class QuotaLocks
{
    /// <summary>Before a client and all below it is deleted.</summary>
    public static Task LockQuotasOfClientAsync(this PandoraDb db, int clientId, CancellationToken ct) =>
        db.Database.ExecuteSqlAsync(
            $"""
            SELECT 1 FROM project_service WHERE project_id IN (SELECT id FROM project WHERE client_id = {clientId})
             ORDER BY project_id, service_id FOR UPDATE;
            SELECT 1 FROM environment_service WHERE project_id IN (SELECT id FROM project WHERE client_id = {clientId})
             ORDER BY environment_id, service_id FOR UPDATE;
            """,
            ct);

    /// <summary>Before a project and all below it is deleted.</summary>
    public static Task LockQuotasOfProjectAsync(this PandoraDb db, int projectId, CancellationToken ct) =>
        db.Database.ExecuteSqlAsync(
            $"""
            SELECT 1 FROM project_service WHERE project_id = {projectId} ORDER BY project_id, service_id FOR UPDATE;
            SELECT 1 FROM environment_service WHERE project_id = {projectId} ORDER BY environment_id, service_id FOR UPDATE;
            """,
            ct);

    /// <summary>Before an environment and all below it is deleted.</summary>
    public static Task LockQuotasOfEnvironmentAsync(this PandoraDb db, int environmentId, CancellationToken ct) =>
        db.Database.ExecuteSqlAsync(
            $"""
            SELECT 1 FROM environment_service WHERE environment_id = {environmentId}
             ORDER BY environment_id, service_id FOR UPDATE
            """,
            ct);

    /// <summary>
    /// Locks one service of a project and returns it tracked, as stored. Everything that checks or changes how a project's
    /// requests are handed out holds this lock. Null: the project does not hold the service.
    /// </summary>
    public static Task<ProjectServiceRow?> LockProjectServiceAsync(
        this PandoraDb db, int projectId, int serviceId, CancellationToken ct) =>
        db.ProjectServices
            .FromSql($"SELECT * FROM project_service WHERE project_id = {projectId} AND service_id = {serviceId} FOR UPDATE")
            .AsTracking()
            .FirstOrDefaultAsync(ct);

    /// <summary>Locks the counters of one service of a project and returns them tracked, as stored.</summary>
    public static Task<List<EnvironmentServiceRow>> LockEnvironmentServicesAsync(
        this PandoraDb db, int projectId, int serviceId, CancellationToken ct) =>
        db.EnvironmentServices
            .FromSql(
                $"""
                SELECT * FROM environment_service WHERE project_id = {projectId} AND service_id = {serviceId}
                 ORDER BY environment_id, service_id FOR UPDATE
                """)
            .AsTracking()
            .ToListAsync(ct);
}
