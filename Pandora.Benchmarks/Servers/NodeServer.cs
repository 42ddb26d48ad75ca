using System.Net;
using Pandora.Core;
using Pandora.Core.EmbeddedPostgres;
using Pandora.Core.Persistence.Migrations;
using Pandora.Core.Settings;
using Pandora.ServiceDefaults;

namespace Pandora.Benchmarks.Servers;

/// <summary>
/// The product, started as its own program starts it, by the variables of the environment; without a database among them
/// it makes its private one. It differs in its ports, and in that it answers its parent.
/// </summary>
internal static class NodeServer
{
    public static async Task<int> RunAsync()
    {
        var stop = StopSignal.Listen();
        await using var telemetry = TelemetryExport.Start("pandora-core", typeof(PandoraNode).Assembly, StopSignal.TimeLeft);
        using var logs = ServiceDefaultsExtensions.CreateLoggerFactory(telemetry: telemetry);
        var log = logs.CreateLogger(nameof(NodeServer));
        try
        {
            var settings = SettingsReader.Read(Variables.OfProcess()) with
            {
                ListenAddress = IPAddress.Loopback,
                HttpPort = 0,
                GrpcPort = 0,
            };
            DataDirectory.Prepare(settings.DataDirectory);
            await using var postgres = await PrivatePostgres.StartIfChosenAsync(settings, StopSignal.TimeLeft, log, stop);
            var connectionString = postgres?.ConnectionString ?? ((DatabaseSettings.External)settings.Database).ConnectionString;
            await Migrator.MigrateAsync(connectionString, log, stop);
            await using var node = PandoraNode.Build(settings, connectionString, telemetry: telemetry);
            await node.PrepareAsync(_ => { }, stop);
            await ServedNode.ServeAsync(node, connectionString, postgres?.Lost, stop);
            return 0;
        }
        catch (Exception e) when (e is StartRefusedException or DatabaseLostException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
    }
}
