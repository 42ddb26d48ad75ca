using Pandora.Core;
using Pandora.Core.EmbeddedPostgres;
using Pandora.Core.Persistence;
using Pandora.Core.Persistence.Migrations;
using Pandora.Core.Security;
using Pandora.Core.Settings;
using Pandora.Core.Transport;
using Pandora.ServiceDefaults;

var stop = StopSignal.Listen();
await using var telemetry = args is [] or ["postgres", ..] ? StartTelemetry() : TelemetryExport.Off();
using var logs = ServiceDefaultsExtensions.CreateLoggerFactory(telemetry: telemetry);
var log = logs.CreateLogger("Pandora.Core");
try
{
    switch (args)
    {
        case []:
            ConnectionLimit.OfProcess(DatabaseConnection.MostConnections("")); // refused before anything is touched
            break;
        case ["verify"]:
            return await VerifyVerb.RunAsync(stop);
        case ["unlock"]:
            return await UnlockVerb.RunAsync(username: null, stop);
        case ["unlock", var username]:
            return await UnlockVerb.RunAsync(username, stop);
        case ["postgres", var port]:
            return await PostgresVerb.RunAsync(port, log, stop);
        case ["health"]:
            return await HealthVerb.RunAsync(stop);
        case ["new-key-material"]:
            // For nodes that get their key material from a store of secrets: its file's name, then what belongs into it. None is kept.
            var material = KeyMaterial.Make();
            await Console.Out.WriteAsync($"{KeyMaterialFiles.NameOf(material.Id)}\n{material.Export()}");
            return 0;
        default:
            throw new StartRefusedException(
                $"\"{OneLine.Of(string.Join(' ', args))}\" is not understood; accepted are no argument, to serve, \"verify\", to prove the books, \"unlock [USERNAME]\", to forget failed logins, \"postgres PORT\", to run the private database alone, \"health\", to ask a running node, and \"new-key-material\", to make a file of it. Settings are variables of the environment.");
    }

    // 1. The configuration: a fault ends the start before anything is touched.
    var settings = SettingsReader.Read(Variables.OfProcess(warning => ProcessLog.Configuration(log, warning)));
    foreach (var warning in telemetry.Warnings)
    {
        ProcessLog.Configuration(log, warning);
    }
    telemetry.ReportFaultsTo(log);
    DataDirectory.Prepare(settings.DataDirectory);

    // 2. and 3. The database, with the schema of this version.
    await using var postgres = await PrivatePostgres.StartIfChosenAsync(settings, StopSignal.TimeLeft, log, stop);
    var database = postgres?.Address ?? ((DatabaseSettings.External)settings.Database).Address;
    await Migrator.MigrateAsync(database, log, stop);

    // 4. and 5. Key material and the account of the administrator.
    await using var node = PandoraNode.Build(settings, database, telemetry: telemetry);
    await node.PrepareAsync(Console.Out.Write, stop);

    // 6. and 7. Both ports, then readiness.
    await node.ListenAsync(stop);
    if (settings.LogRetentionDays == 0)
    {
        ProcessLog.NothingRemoved(log);
    }
    ProcessLog.Ready(log, settings.HttpPort, settings.GrpcPort);
    var idle = IdleMemory.WatchAsync(stop);
    await node.ServeAsync(databaseLost: postgres?.Lost, stop);
    await idle;
    ProcessLog.Stopped(log);
    return 0;
}
catch (Exception e) when (e is StartRefusedException or DatabaseLostException)
{
    return await RefuseAsync(e.Message);
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 0;
}
catch (Exception fault)
{
    ProcessLog.Fault(log, fault);
    return await RefuseAsync($"Pandora Core ended by an unexpected fault: {fault.Message.ReplaceLineEndings(" ")}");
}

static TelemetryExport StartTelemetry() => TelemetryExport.Start("pandora-core", typeof(ProcessLog).Assembly, StopSignal.TimeLeft);

// One line where operators and supervisors look for it.
static async Task<int> RefuseAsync(string line)
{
    await Console.Error.WriteLineAsync(line);
    return 1;
}
