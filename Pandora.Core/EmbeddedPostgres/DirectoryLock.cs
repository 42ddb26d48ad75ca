using System.Diagnostics;
using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>
/// Keeps two processes from serving one private database. The kernel lets go of it when its holder dies, however it dies.
/// </summary>
internal static partial class DirectoryLock
{
    /// <summary>A process that is just stopping gets this long to finish.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(12);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public static async Task<IDisposable> TakeAsync(string dataDirectory, ILogger logger, CancellationToken ct)
    {
        var path = FileIn(dataDirectory);
        var started = Stopwatch.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return Open(path);
            }
            catch (IOException) when (Stopwatch.GetElapsedTime(started) < Patience)
            {
                if (attempt == 1)
                {
                    Log.WaitingForDirectory(logger, dataDirectory);
                }
                await Task.Delay(Pause, ct);
            }
            catch (IOException)
            {
                throw new StartRefusedException(
                    $"PANDORA_DIR {dataDirectory} is in use by another Pandora Core: stop that one, or give this one a directory of its own.");
            }
        }
    }

    /// <summary>Whether another process serves the database of the directory, or is about to.</summary>
    public static bool IsTaken(string dataDirectory)
    {
        try
        {
            Open(FileIn(dataDirectory)).Dispose();
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static string FileIn(string dataDirectory) => Path.Combine(dataDirectory, "postgres.lock");

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException)
        {
            throw new StartRefusedException(
                $"PANDORA_DIR: {path} cannot be written by the user {Environment.UserName}: give that user the directory, or choose another one.");
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2020, LogLevel.Information, "Waiting for another Pandora Core to leave {Directory}.")]
        public static partial void WaitingForDirectory(ILogger logger, string directory);
    }
}
