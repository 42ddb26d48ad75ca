using Microsoft.Extensions.Diagnostics.HealthChecks;
using Pandora.Core.EmbeddedPostgres;

namespace Pandora.Core.Health;

/// <summary>A database whose disk is nearly full serves all the same; but soon it will not.</summary>
internal sealed class DiskHealthCheck(DatabaseDisk disk) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(disk.IsNearlyFull()
            ? HealthCheckResult.Degraded("The disk of the database is nearly full.")
            : HealthCheckResult.Healthy());
}
