using Pandora.Core.Persistence;
using Pandora.Core.Settings;
using Pandora.ServiceDefaults;

// Migrates an external database ahead of the nodes that will use it, and ends: exit code 0 or 1.
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stop.Cancel();
};
using var logs = ServiceDefaultsExtensions.CreateLoggerFactory();
var log = logs.CreateLogger("Pandora.MigrationService");
try
{
    var database = DatabaseReader.ReadExternal(Variables.OfProcess()) ?? throw new StartRefusedException(
        "No external database is configured (ConnectionStrings__pandora, PANDORA_DB_DNS or PANDORA_DB_HOST): nothing to migrate here, because Pandora Core migrates its private PostgreSQL itself when it starts.");
    var applied = await Migrator.MigrateAsync(database.ConnectionString, log, stop.Token);
    Log.Done(log, applied.Count);
    return 0;
}
catch (StartRefusedException refused)
{
    await Console.Error.WriteLineAsync(refused.Message);
    return 1;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    await Console.Error.WriteLineAsync("Stopped before the migration was complete; what was not complete was rolled back.");
    return 1;
}

/// <summary>What the process says about itself.</summary>
internal static partial class Log
{
    [LoggerMessage(1050, LogLevel.Information, "The database is up to date; {Count} migrations were applied now.")]
    public static partial void Done(ILogger logger, int count);
}
