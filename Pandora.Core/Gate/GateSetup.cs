using Pandora.Core.Gate.Cache;
using Pandora.Core.Gate.Ledger;
using Pandora.Core.Gate.Outcomes;
using Pandora.Core.Persistence;

namespace Pandora.Core.Gate;

/// <summary>Registers the room's services. Settings, clock and meters come from the host.</summary>
internal static class GateSetup
{
    /// <param name="connectionString">Of a database that can be reached and is migrated.</param>
    public static void AddGate(this IServiceCollection services, string connectionString)
    {
        services.AddSingleton(_ => new GateDataSource(
            DatabaseConnection.ForLanes(connectionString), DatabaseConnection.ForReports(connectionString)));
        services.AddSingleton<KeyCache>();
        services.AddSingleton<LedgerLanes>();
        services.AddHostedService(provider => provider.GetRequiredService<LedgerLanes>());
        services.AddSingleton<KeyGate>();
        services.AddSingleton<ExecutionReports>();
        services.AddSingleton<Reservations>();
    }
}
