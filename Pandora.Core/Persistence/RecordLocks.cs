using Microsoft.EntityFrameworkCore;

namespace Pandora.Core.Persistence;

/// <summary>
/// Row locks on records, inside the caller's transaction. They come before all locks on quotas, from above to below:
/// client, project, environment, service.
/// </summary>
internal static class RecordLocks
{
    /// <summary>Locks a client <c>FOR KEY SHARE</c>, so that it is not deleted. False: there is none.</summary>
    public static async Task<bool> ShareLockClientAsync(this PandoraDb db, int id, CancellationToken ct) =>
        await db.Clients.FromSql($"SELECT * FROM client WHERE id = {id} FOR KEY SHARE").AsNoTracking().AnyRowAsync(ct);

    /// <summary>Locks a project <c>FOR KEY SHARE</c>, so that it is not deleted. False: there is none.</summary>
    public static async Task<bool> ShareLockProjectAsync(this PandoraDb db, int id, CancellationToken ct) =>
        await db.Projects.FromSql($"SELECT * FROM project WHERE id = {id} FOR KEY SHARE").AsNoTracking().AnyRowAsync(ct);

    /// <summary>Locks an environment <c>FOR KEY SHARE</c> and returns it untracked. Null: there is none.</summary>
    public static Task<EnvironmentRow?> ShareLockEnvironmentAsync(this PandoraDb db, int id, CancellationToken ct) =>
        db.Environments
            .FromSql($"SELECT * FROM environment WHERE id = {id} FOR KEY SHARE")
            .AsNoTracking()
            .SingleOrDefaultAsync(ct);

    /// <summary>Locks services <c>FOR KEY SHARE</c> and returns those that exist, tracked.</summary>
    public static Task<List<ServiceRow>> ShareLockServicesAsync(this PandoraDb db, int[] ids, CancellationToken ct) =>
        db.Services
            .FromSql($"SELECT * FROM service WHERE id = ANY ({ids}) ORDER BY id FOR KEY SHARE")
            .AsTracking()
            .ToListAsync(ct);

    /// <summary>Locks a project and returns it tracked. Null: there is none.</summary>
    public static Task<ProjectRow?> LockProjectAsync(this PandoraDb db, int id, CancellationToken ct) =>
        db.Projects.FromSql($"SELECT * FROM project WHERE id = {id} FOR UPDATE").AsTracking().SingleOrDefaultAsync(ct);

    /// <summary>Locks an environment and returns it tracked. Null: there is none.</summary>
    public static Task<EnvironmentRow?> LockEnvironmentAsync(this PandoraDb db, int id, CancellationToken ct) =>
        db.Environments.FromSql($"SELECT * FROM environment WHERE id = {id} FOR UPDATE").AsTracking().SingleOrDefaultAsync(ct);

    // Not AnyAsync: EXISTS need not lock what it finds.
    private static async Task<bool> AnyRowAsync<TRow>(this IQueryable<TRow> rows, CancellationToken ct)
        where TRow : class =>
        await rows.SingleOrDefaultAsync(ct) is not null;
}
