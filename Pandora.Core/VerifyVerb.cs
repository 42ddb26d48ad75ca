using Pandora.Core.EmbeddedPostgres;
using Pandora.Core.Settings;
using Pandora.Core.Verification;
using Pandora.ServiceDefaults;

namespace Pandora.Core;

/// <summary><c>verify</c>: proves the books of the database that the settings name, and changes nothing in it.</summary>
internal static class VerifyVerb
{
    /// <summary>Chosen so that scripts can tell it from 1, which says that the check could not be made.</summary>
    private const int DifferencesFound = 2;

    /// <returns>The exit code.</returns>
    /// <exception cref="StartRefusedException">The check could not be made.</exception>
    public static async Task<int> RunAsync(CancellationToken stop)
    {
        // Standard output is for what was found.
        using var logs = ServiceDefaultsExtensions.CreateLoggerFactory(toStandardError: true);
        var log = logs.CreateLogger("Pandora.Core");
        var settings = SettingsReader.Read(Variables.OfProcess(warning => ProcessLog.Configuration(log, warning)));
        try
        {
            await using var server = await RunningServer.FindOrStartAsync(settings, StopSignal.TimeLeft, log, stop);
            var report = await Books.VerifyAsync(server.Address, now: null, Console.Out, stop);
            return report.Differences == 0 ? 0 : DifferencesFound;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            throw new StartRefusedException("Stopped before the check was complete.");
        }
    }
}
