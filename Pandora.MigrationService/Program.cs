using Pandora.Core;
using Pandora.Core.Persistence.Migrations;
using Pandora.Core.Settings;
using Pandora.ServiceDefaults;

// Migrates an external database ahead of the nodes that will use it, and ends.
var stop = StopSignal.Listen();
await using var telemetry = TelemetryExport.Start("pandora-migrations", typeof(Migrator).Assembly, StopSignal.TimeLeft);
using var logs = ServiceDefaultsExtensions.CreateLoggerFactory(telemetry: telemetry);
var log = logs.CreateLogger("Pandora.MigrationService");
telemetry.ReportFaultsTo(log);
foreach (var warning in telemetry.Warnings)
{
    Log.MigrationConfiguration(log, warning);
}
try
{
    if (args.Length > 0)
    {
        throw new StartRefusedException($"{args[0]} is not understood: the migration service takes its settings from the environment, and no arguments.");
    }
    var database = DatabaseReader.ReadExternal(Variables.OfProcess(warning => Log.MigrationConfiguration(log, warning))) ?? throw new StartRefusedException(
        "No external database is configured (ConnectionStrings__pandora, PANDORA_DB_DNS or PANDORA_DB_HOST): nothing to migrate here, because Pandora Core migrates its private PostgreSQL itself when it starts.");
    var applied = await Migrator.MigrateAsync(database.Address, log, stop);
    Log.Migrated(log, Migration.All[^1].Version, applied.Count);
    return ExitCode.UpToDate;
}
catch (Exception) when (stop.IsCancellationRequested)
{
    // Whatever the cut caused, this is what the operator should read.
    return await EndAsync(ExitCode.Stopped, "Stopped before the migration was complete; what was not complete was rolled back.");
}
catch (StartRefusedException refused)
{
    return await EndAsync(ExitCode.Failed, refused.Message);
}
catch (Exception fault)
{
    Log.MigrationFault(log, fault);
    return await EndAsync(ExitCode.Failed, $"The migration ended by an unexpected fault: {fault.Message.ReplaceLineEndings(" ")}");
}

// One line where operators and supervisors look for it.
static async Task<int> EndAsync(int exitCode, string line)
{
    await Console.Error.WriteLineAsync(line);
    return exitCode;
}

/// <summary>What a supervisor may act upon; docs/architecture.md explains them.</summary>
internal static class ExitCode
{
    /// <summary>The database has the schema of this version.</summary>
    public const int UpToDate = 0;

    /// <summary>It has not, and somebody has to mend something first.</summary>
    public const int Failed = 1;

    /// <summary>It may not have: asked to stop before the end. Running again goes on where this ended.</summary>
    public const int Stopped = 2;
}

/// <summary>What the process says about itself.</summary>
internal static partial class Log
{
    [LoggerMessage(1050, LogLevel.Information, "The database is up to date at version {Version}; {Count} migrations were applied now.")]
    public static partial void Migrated(ILogger logger, int version, int count);

    [LoggerMessage(1051, LogLevel.Warning, "{Warning}")]
    public static partial void MigrationConfiguration(ILogger logger, string warning);

    [LoggerMessage(1052, LogLevel.Critical, "The migration ended by an unexpected fault.")]
    public static partial void MigrationFault(ILogger logger, Exception fault);
}
