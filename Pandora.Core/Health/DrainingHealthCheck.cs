using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Pandora.Core.Health;

/// <summary>A node that stops lets its callers end, and wants no others.</summary>
internal sealed class DrainingHealthCheck(IHostApplicationLifetime lifetime) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(lifetime.ApplicationStopping.IsCancellationRequested
            ? HealthCheckResult.Unhealthy("This node is stopping.")
            : HealthCheckResult.Healthy());
}
