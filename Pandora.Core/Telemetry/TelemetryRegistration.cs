using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Pandora.Core.Telemetry;

/// <summary>Puts the instruments into a node, for whichever of its rooms asks first.</summary>
internal static class TelemetryRegistration
{
    public static void AddTelemetry(this IServiceCollection services)
    {
        services.AddMetrics();
        services.TryAddSingleton<NodeMeters>();
        services.TryAddSingleton<CallWatch>();
    }
}
