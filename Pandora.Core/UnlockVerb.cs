using Pandora.Core.EmbeddedPostgres;
using Pandora.Core.Security;
using Pandora.Core.Settings;
using Pandora.ServiceDefaults;

namespace Pandora.Core;

/// <summary><c>unlock [USERNAME]</c>: forgets failed logins, so that who was locked out need not wait. Nodes go on serving.</summary>
internal static class UnlockVerb
{
    /// <param name="username">Whose failures, at every address they came from. Null: everybody's.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="StartRefusedException">Nothing could be done.</exception>
    public static async Task<int> RunAsync(string? username, CancellationToken stop)
    {
        // Standard output is for what was cleared.
        using var logs = ServiceDefaultsExtensions.CreateLoggerFactory(toStandardError: true);
        var log = logs.CreateLogger("Pandora.Core");
        var settings = SettingsReader.Read(Variables.OfProcess(warning => ProcessLog.Configuration(log, warning)));
        try
        {
            await using var server = await RunningServer.FindOrStartAsync(settings, StopSignal.TimeLeft, log, stop);
            await LoginLocks.ClearAsync(server.Address, username, Console.Out, stop);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            throw new StartRefusedException("Stopped before anything was cleared.");
        }
    }
}
