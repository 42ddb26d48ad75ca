using Pandora.Core;
using Pandora.Core.EmbeddedPostgres;
using Pandora.Core.Persistence;
using Pandora.Core.Settings;
using Pandora.ServiceDefaults;

using var stop = new StopSignal();
using var logs = ServiceDefaultsExtensions.CreateLoggerFactory();
var log = logs.CreateLogger("Pandora.Core");
try
{
    // 1. The configuration: a fault ends the start before anything is touched.
    var settings = SettingsReader.Read(Variables.OfProcess());
    foreach (var warning in settings.Warnings)
    {
        Log.Configuration(log, warning);
    }
    DataDirectory.Prepare(settings.DataDirectory);

    // 2. and 3. The database, with the schema of this version.
    await using var postgres = await PrivatePostgres.StartIfChosenAsync(settings, log, stop.Requested);
    var connectionString = postgres?.ConnectionString ?? ((DatabaseSettings.External)settings.Database).ConnectionString;
    await Migrator.MigrateAsync(connectionString, log, stop.Requested);

    // 4. and 5. Key material and the account of the administrator.
    await using var node = PandoraNode.Build(settings, connectionString);
    await node.PrepareAsync(Console.Out.Write, stop.Requested);

    // 6. and 7. Both ports, then readiness.
    await node.ListenAsync(stop.Requested);
    Log.Ready(log, settings.HttpPort, settings.GrpcPort);
    var exitCode = await node.ServeAsync(databaseLost: postgres?.Lost ?? Task.Delay(Timeout.Infinite), stop.Requested);
    Log.Stopped(log);
    return exitCode;
}
catch (StartRefusedException refused)
{
    await Console.Error.WriteLineAsync(refused.Message);
    return 1;
}
catch (OperationCanceledException) when (stop.Requested.IsCancellationRequested)
{
    return 0;
}
catch (Exception fault)
{
    Log.Fault(log, fault);
    await Console.Error.WriteLineAsync($"Pandora Core ended by an unexpected fault: {fault.Message.ReplaceLineEndings(" ")}");
    return 1;
}

/// <summary>What the process says about itself.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Warning, "{Warning}")]
    public static partial void Configuration(ILogger logger, string warning);

    [LoggerMessage(1001, LogLevel.Information, "Pandora Core is ready: REST on port {HttpPort}, gRPC on port {GrpcPort}.")]
    public static partial void Ready(ILogger logger, int httpPort, int grpcPort);

    [LoggerMessage(1002, LogLevel.Information, "Pandora Core has stopped serving.")]
    public static partial void Stopped(ILogger logger);

    [LoggerMessage(1003, LogLevel.Critical, "Pandora Core ended by an unexpected fault.")]
    public static partial void Fault(ILogger logger, Exception fault);
}
