namespace Pandora.Core.Settings;

/// <summary><c>PANDORA_DIR</c> on disk.</summary>
internal static class DataDirectory
{
    /// <summary>Makes the directory if it is missing (for its owner only) and proves that it can be written.</summary>
    /// <exception cref="StartRefusedException">It cannot.</exception>
    public static void Prepare(string directory)
    {
        try
        {
            if (Path.GetDirectoryName(directory) is { } parent)
            {
                Directory.CreateDirectory(parent);
            }
            PrivateFiles.CreateDirectory(directory);
            var probe = Path.Combine(directory, Path.GetRandomFileName());
            using var file = new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Variables.Refuse(
                "PANDORA_DIR",
                $"is {directory}, which the user {RunningUser.Name} cannot write; accepted is a writable directory: give it to that user (chown -R {RunningUser.Id} {directory}), or choose another one");
        }
    }
}
