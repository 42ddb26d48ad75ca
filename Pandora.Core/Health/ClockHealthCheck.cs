using Microsoft.Extensions.Diagnostics.HealthChecks;
using Pandora.Core.Persistence;

namespace Pandora.Core.Health;

/// <summary>A node whose clock is far off serves all the same, by the database's; but somebody should know.</summary>
internal sealed class ClockHealthCheck(DatabaseClock clock) : IHealthCheck
{
    private static readonly TimeSpan LargestSkew = TimeSpan.FromSeconds(60);

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(clock.Skew.Duration() > LargestSkew
            ? HealthCheckResult.Degraded("The clock of this machine is more than a minute off.")
            : HealthCheckResult.Healthy());
}
