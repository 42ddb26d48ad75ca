using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>
/// Keeps two processes from serving one private database. The kernel lets go of it when its holder dies, however it dies.
/// </summary>
internal static partial class DirectoryLock
{
    /// <summary>A process that is just stopping gets this long to finish.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(12);

    /// <summary>How Linux, macOS and Windows say so; a read-only file system, for example, will not change by waiting.</summary>
    private static readonly int[] HeldByAnother = [11, 35, unchecked((int)0x80070020)];

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public static async Task<IDisposable> TakeAsync(string dataDirectory, ILogger logger, CancellationToken ct)
    {
        if (TryTakeDirectory(dataDirectory) is { } free)
        {
            return free;
        }
        Log.WaitingForDirectory(logger, dataDirectory);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Patience);
        try
        {
            return await TakeFileAsync(FileIn(dataDirectory), patience.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new StartRefusedException(
                $"PANDORA_DIR {dataDirectory} is in use by another Pandora Core: stop that one, or give this one a directory of its own.");
        }
    }

    /// <summary>Waits until no other process holds the lock that is the file.</summary>
    /// <exception cref="IOException">It cannot be written; or UnauthorizedAccessException.</exception>
    public static async Task<IDisposable> TakeFileAsync(string path, CancellationToken ct)
    {
        while (true)
        {
            if (TryTake(path) is { } taken)
            {
                return taken;
            }
            await Task.Delay(Pause, ct);
        }
    }

    /// <summary>Whether another process serves the database of the directory, or is about to.</summary>
    public static bool IsTaken(string dataDirectory)
    {
        using var taken = TryTakeDirectory(dataDirectory);
        return taken is null;
    }

    private static FileStream? TryTakeDirectory(string dataDirectory)
    {
        try
        {
            return TryTake(FileIn(dataDirectory));
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new StartRefusedException(
                $"PANDORA_DIR: {FileIn(dataDirectory)} cannot be written by the user {RunningUser.Name}: give that user the directory, or choose another one.");
        }
    }

    private static string FileIn(string dataDirectory) => Path.Combine(dataDirectory, "postgres.lock");

    private static FileStream? TryTake(string path)
    {
        try
        {
            return PrivateFiles.OpenAlone(path);
        }
        catch (IOException e) when (HeldByAnother.Contains(e.HResult))
        {
            return null;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2020, LogLevel.Information, "Waiting for another Pandora Core to leave {Directory}.")]
        public static partial void WaitingForDirectory(ILogger logger, string directory);
    }
}
