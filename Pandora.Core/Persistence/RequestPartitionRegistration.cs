using Npgsql;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Persistence;

/// <summary>Puts the keeper of the request log's partitions into a node.</summary>
internal static class RequestPartitionRegistration
{
    /// <param name="retentionDays">0: rows are never removed.</param>
    public static void AddRequestPartitions(this IServiceCollection services, int retentionDays)
    {
        services.AddSingleton(provider => new RequestPartitionKeeper(
            provider.GetRequiredService<NpgsqlDataSource>(),
            retentionDays,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<NodeMeters>(),
            provider.GetRequiredService<ILogger<RequestPartitionKeeper>>()));
        services.AddHostedService(provider => provider.GetRequiredService<RequestPartitionKeeper>());
    }
}
