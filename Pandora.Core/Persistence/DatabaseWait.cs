using System.Diagnostics;
using Npgsql;
using Pandora.Core.Settings;

namespace Pandora.Core.Persistence;

/// <summary>Waits at start until the database takes connections.</summary>
internal static partial class DatabaseWait
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <exception cref="StartRefusedException">Not within 60 s.</exception>
    public static async Task ForAsync(NpgsqlDataSource dataSource, ILogger logger, CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        var nextProgress = TimeSpan.Zero;
        while (await TryAsync(dataSource, ct) is { } reason)
        {
            var waited = Stopwatch.GetElapsedTime(started);
            if (waited + Pause >= Limit)
            {
                throw new StartRefusedException($"The database was not reached within {Limit.TotalSeconds:0} s: {reason}");
            }
            if (waited >= nextProgress)
            {
                Log.WaitingForDatabase(logger, (int)waited.TotalSeconds, (int)Limit.TotalSeconds, reason);
                nextProgress = waited + ProgressEvery;
            }
            await Task.Delay(Pause, ct);
        }
    }

    /// <returns>Why the database cannot be used now; null when it can.</returns>
    private static async Task<string?> TryAsync(NpgsqlDataSource dataSource, CancellationToken ct)
    {
        try
        {
            await using var connection = await dataSource.OpenConnectionAsync(ct);
            return null;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException or System.Net.Sockets.SocketException)
        {
            return Reason(e);
        }
    }

    /// <summary>One line for the operator, who may know host and role; drivers never put a password in it.</summary>
    public static string Reason(Exception exception) => exception switch
    {
        PostgresException postgres => $"{postgres.MessageText} ({postgres.SqlState})",
        { InnerException: { } inner } => $"{exception.Message} ({inner.Message})".ReplaceLineEndings(" "),
        _ => exception.Message.ReplaceLineEndings(" "),
    };

    private static partial class Log
    {
        [LoggerMessage(2100, LogLevel.Information, "Waiting for the database ({Waited} of {Limit} s): {Reason}")]
        public static partial void WaitingForDatabase(ILogger logger, int waited, int limit, string reason);
    }
}
