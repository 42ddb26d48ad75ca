using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Pandora.Core.Health;

/// <summary>Whether calls that write can succeed: a database that is only readable serves lists, and no checks.</summary>
internal sealed class WritesHealthCheck(DatabaseHealthCheck database) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        (await database.CheckHealthAsync(context, cancellationToken)).Data.ContainsKey(DatabaseHealthCheck.ReadOnly)
            ? HealthCheckResult.Unhealthy("The database cannot be written.")
            : HealthCheckResult.Healthy();
}
