using Pandora.Core.Gate.Cache;
using Pandora.Core.Gate.Ledger;
using Pandora.Core.Gate.Outcomes;
using Pandora.Core.Persistence;
using Pandora.Core.Settings;

namespace Pandora.Core.Gate;

/// <summary>Registers the room's services. Settings, clock and meters come from the host.</summary>
internal static class GateSetup
{
    /// <summary>Key of the connections of the ledger's writers, so that nothing can keep them from one.</summary>
    public const string LanesDatabase = "lanes";

    /// <summary>Key of the connections for reports of outcomes, and the end of reservations.</summary>
    public const string ReportsDatabase = "reports";

    /// <param name="database">One that can be reached and is migrated.</param>
    public static void AddGate(this IServiceCollection services, DatabaseAddress database)
    {
        services.AddKeyedSingleton(LanesDatabase, (_, _) => DatabaseConnection.ForLanes(database));
        services.AddKeyedSingleton(ReportsDatabase, (_, _) => DatabaseConnection.ForReports(database));
        services.AddSingleton<KeyCache>();
        services.AddSingleton<UnknownKeyLog>();
        services.AddHostedService(provider => provider.GetRequiredService<UnknownKeyLog>());
        services.AddSingleton<LedgerLanes>();
        services.AddHostedService(provider => provider.GetRequiredService<LedgerLanes>());
        services.AddSingleton<KeyGate>();
        services.AddSingleton<ExecutionReports>();
        services.AddSingleton<Reservations>();
        services.AddHostedService<ReservationSweep>();
    }
}
