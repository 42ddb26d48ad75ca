using Microsoft.EntityFrameworkCore;
using Pandora.Core.Persistence;

namespace Pandora.Core.Projects;

/// <summary>
/// Writes resets that are due and that no call has needed yet, so that stored counters do not stay old for ever. Nothing
/// depends on it: whoever reads or takes from a quota sees a due reset anyway.
/// </summary>
internal sealed partial class ResetSweep(IServiceScopeFactory scopes, TimeProvider time, ILogger<ResetSweep> logger) : BackgroundService
{
    private const int MostAtOnce = 1000;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await RunOnceAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                Log.SweepFailed(logger, e);
            }
        }
    }

    /// <summary>Applies what is due now. A reset that fails is logged, stays due, and keeps no other one back.</summary>
    /// <returns>How many were applied.</returns>
    public async Task<int> RunOnceAsync(CancellationToken ct)
    {
        var applied = 0;
        foreach (var (projectId, serviceId) in await FindDueAsync(ct))
        {
            try
            {
                await ApplyAsync(projectId, serviceId, ct);
                applied++;
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                Log.ResetFailed(logger, projectId, serviceId, e);
            }
        }
        return applied;
    }

    private async Task<List<(int ProjectId, int ServiceId)>> FindDueAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<PandoraDb>();
        var now = time.Now();
        var due = await db.ProjectServices
            .Where(assignment => assignment.NextReset <= now)
            .OrderBy(assignment => assignment.NextReset)
            .Take(MostAtOnce)
            .Select(assignment => new { assignment.ProjectId, assignment.ServiceId })
            .ToListAsync(ct);
        return due.ConvertAll(assignment => (assignment.ProjectId, assignment.ServiceId));
    }

    private async Task ApplyAsync(int projectId, int serviceId, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<PandoraDb>();
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.LockCurrentAsync(projectId, serviceId, time.Now(), ct);
        await transaction.CommitAsync(ct);
    }

    private static partial class Log
    {
        [LoggerMessage(1201, LogLevel.Warning, "The reset of service {ServiceId} on project {ProjectId} failed; it stays due")]
        public static partial void ResetFailed(ILogger logger, int projectId, int serviceId, Exception exception);

        [LoggerMessage(1202, LogLevel.Warning, "Resets could not be looked for; they are tried again")]
        public static partial void SweepFailed(ILogger logger, Exception exception);
    }
}
