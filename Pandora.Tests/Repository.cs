using System.Runtime.CompilerServices;

namespace Pandora.Tests;

/// <summary>Finds files of the checkout that the tests were built from.</summary>
internal static class Repository
{
    /// <summary>The absolute path of something in the checkout.</summary>
    public static string PathTo(params string[] parts) => Path.Combine([Root(), .. parts]);

    private static string Root([CallerFilePath] string here = "")
    {
        // A deterministic build maps source paths away; then the test assembly still lies below artifacts/ in the checkout.
        var start = File.Exists(here) ? Path.GetDirectoryName(here)! : AppContext.BaseDirectory;
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Pandora.sln")))
            {
                return folder.FullName;
            }
        }
        throw new InvalidOperationException($"No Pandora.sln above {start}.");
    }
}
