using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Pandora.Core.Telemetry;

namespace Pandora.Tests.Harness;

/// <summary>Instruments that nobody listens to, for parts that are tested without a node.</summary>
internal static class SilentMeters
{
    public static readonly NodeMeters Instance =
        new(new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>());
}
