using System.Runtime.InteropServices;

namespace Pandora.Core.Security;

/// <summary>Makes a new name in a directory survive a power cut; .NET flushes files only.</summary>
internal static class DirectorySync
{
    /// <summary>Does its best: some file systems refuse, and Windows has nothing like it.</summary>
    public static void Flush(string directory)
    {
        if (OperatingSystem.IsWindows() || Open(directory, 0) is not (>= 0 and var handle))
        {
            return;
        }
        _ = Synchronize(handle);
        _ = Close(handle);
    }

    [DllImport("libc", EntryPoint = "open")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Synchronize(int handle);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int handle);
}
