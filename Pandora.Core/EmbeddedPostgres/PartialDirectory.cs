using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>
/// What is made under another name and renamed when complete, so that a process that was killed half-way leaves nothing
/// that the next one could mistake for the whole. Each attempt has a name of its own: the initdb or npm of a killed process
/// may still be at work. Only for one process at a time.
/// </summary>
internal static class PartialDirectory
{
    /// <summary>Makes an empty one beside <paramref name="final"/>, and removes those left by processes that were killed.</summary>
    public static string Create(string final)
    {
        var prefix = final + ".partial-";
        foreach (var leftover in Directory.EnumerateDirectories(Path.GetDirectoryName(final)!, Path.GetFileName(prefix) + "*"))
        {
            try
            {
                Directory.Delete(leftover, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // That child is cleaning up. What remains harms nobody.
            }
        }
        var partial = prefix + Path.GetRandomFileName();
        PrivateFiles.CreateDirectory(partial);
        return partial;
    }
}
