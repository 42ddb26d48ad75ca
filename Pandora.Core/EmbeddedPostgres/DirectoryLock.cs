using System.Diagnostics;
using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>
/// Keeps two processes from serving one private database. The kernel lets go of it when its holder dies, however it dies.
/// </summary>
internal static class DirectoryLock
{
    /// <summary>A process that is just stopping gets this long to finish.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(12);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public static async Task<IDisposable> TakeAsync(string dataDirectory, CancellationToken ct)
    {
        var path = Path.Combine(dataDirectory, "postgres.lock");
        var started = Stopwatch.GetTimestamp();
        while (true)
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
            catch (IOException) when (Stopwatch.GetElapsedTime(started) < Patience)
            {
                await Task.Delay(Pause, ct);
            }
            catch (IOException)
            {
                throw new StartRefusedException(
                    $"PANDORA_DIR {dataDirectory} is in use by another Pandora Core: stop that one, or give this one a directory of its own.");
            }
        }
    }
}
