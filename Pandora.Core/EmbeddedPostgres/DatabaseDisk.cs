namespace Pandora.Core.EmbeddedPostgres;

/// <summary>How much room is left on the disk of the private database. Whoever finds little has it said in the log.</summary>
/// <param name="dataDirectory">The product's, below which the database is.</param>
internal sealed partial class DatabaseDisk(string dataDirectory, TimeProvider time, ILogger<DatabaseDisk> logger)
{
    private const long Mebibyte = 1_048_576;

    /// <summary>Little is less than this,</summary>
    private const long LittleBytes = 1_024 * Mebibyte;

    /// <summary>or than the disk's twentieth, where that is less.</summary>
    private const int LittlePart = 20;

    private static readonly TimeSpan BetweenWarnings = TimeSpan.FromMinutes(10);

    private readonly string _directory = Cluster.DataBelow(dataDirectory);
    private readonly Lock _lock = new();
    private long? _warnedAt;

    /// <summary>False also when nobody can tell.</summary>
    public bool IsNearlyFull()
    {
        try
        {
            var disk = new DriveInfo(_directory);
            var free = disk.AvailableFreeSpace;
            if (free >= Math.Min(LittleBytes, disk.TotalSize / LittlePart))
            {
                return false;
            }
            Warn(free);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private void Warn(long free)
    {
        lock (_lock)
        {
            if (_warnedAt is { } then && time.GetElapsedTime(then) < BetweenWarnings)
            {
                return;
            }
            _warnedAt = time.GetTimestamp();
        }
        Log.NearlyFull(logger, _directory, free / Mebibyte);
    }

    private static partial class Log
    {
        [LoggerMessage(2013, LogLevel.Warning, "The disk of {Directory} has {Mebibytes} MiB left, and calls are refused when it is full. Make room, or let the request log keep fewer days (PANDORA_LOG_RETENTION_DAYS).")]
        public static partial void NearlyFull(ILogger logger, string directory, long mebibytes);
    }
}
