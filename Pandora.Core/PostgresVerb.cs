using System.Globalization;
using Pandora.Core.EmbeddedPostgres;
using Pandora.Core.Settings;
using Pandora.ServiceDefaults;

namespace Pandora.Core;

/// <summary>
/// <c>postgres PORT</c>: runs the private PostgreSQL alone, on a port of the loopback interface, until somebody asks it to
/// stop. For a development environment that looks after the database and the nodes separately.
/// </summary>
internal static class PostgresVerb
{
    /// <returns>The exit code.</returns>
    /// <exception cref="StartRefusedException">The operator has to mend something first.</exception>
    /// <exception cref="DatabaseLostException">The server died and could not be brought back.</exception>
    public static async Task<int> RunAsync(string portText, ILogger log, CancellationToken stop)
    {
        if (!int.TryParse(portText, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is 0 or > ushort.MaxValue)
        {
            throw new StartRefusedException($"postgres: \"{OneLine.Of(portText)}\" is not a port; accepted is 1 to 65535.");
        }
        var settings = SettingsReader.Read(Variables.OfProcess(warning => ProcessLog.Configuration(log, warning)));
        DataDirectory.Prepare(settings.DataDirectory);
        await using var postgres = await PrivatePostgres.StartIfChosenAsync(settings, StopSignal.TimeLeft, log, stop, port)
            ?? throw new StartRefusedException(
                "postgres: the settings name an external database (ConnectionStrings__pandora or a variable PANDORA_DB_…), so there is no private one to run.");
        ProcessLog.DatabaseReady(log, port);
        await Task.WhenAny(postgres.Lost, Task.Delay(Timeout.InfiniteTimeSpan, stop));
        return postgres.Lost.IsCompleted ? throw new DatabaseLostException() : 0;
    }
}
