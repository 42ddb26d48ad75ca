using Microsoft.EntityFrameworkCore;
using Npgsql;
using Pandora.Core.Persistence.Partitions;
using Pandora.Core.Settings;

namespace Pandora.Core.Persistence;

/// <summary>Registers the room's services, the clock of the node among them. Settings come from the host.</summary>
internal static class PersistenceSetup
{
    /// <param name="database">One that can be reached and is migrated.</param>
    public static void AddPersistence(this IServiceCollection services, DatabaseAddress database)
    {
        services.AddSingleton<ReadOnlySessions>();
        services.AddSingleton<NpgsqlDataSource>(provider =>
            DatabaseConnection.ForCalls(database, provider.GetRequiredService<ReadOnlySessions>()));
        services.AddDbContextPool<PandoraDb>((provider, db) => db.UseNpgsql(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton(_ => new DatabaseClock());
        services.AddSingleton<TimeProvider>(provider => provider.GetRequiredService<DatabaseClock>());
        services.AddHostedService<PoolGuard>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<RequestPartitionKeeper>(
            provider, provider.GetRequiredService<PandoraSettings>().LogRetentionDays));
        services.AddHostedService(provider => provider.GetRequiredService<RequestPartitionKeeper>());
    }
}
