using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Pandora.Core.Settings;

/// <summary>Files and directories that only the user of this process may read, and that survive a power cut.</summary>
internal static class PrivateFiles
{
    public const UnixFileMode OwnerReadsAndWrites = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Creates a directory with mode 0700; one that exists is left as it is.</summary>
    public static void CreateDirectory(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(directory);
        }
        else
        {
            Directory.CreateDirectory(directory, OwnerReadsAndWrites | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Creates a file with mode 0600 that must not exist yet, and flushes it to the disk.</summary>
    public static void Write(string path, string ascii)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerReadsAndWrites;
        }
        using var file = new FileStream(path, options);
        file.Write(Encoding.ASCII.GetBytes(ascii));
        file.Flush(flushToDisk: true);
    }

    /// <summary>
    /// Opens a file, or creates it, for as long as no other process does so. For its owner only: whoever could read it could
    /// keep others from it.
    /// </summary>
    /// <exception cref="IOException">Another process has it open so, or it cannot be written.</exception>
    public static FileStream OpenAlone(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (OperatingSystem.IsWindows())
        {
            return new FileStream(path, options);
        }
        options.UnixCreateMode = OwnerReadsAndWrites;
        var file = new FileStream(path, options);
        try
        {
            if ((File.GetUnixFileMode(file.SafeFileHandle) & ~OwnerReadsAndWrites) != 0)
            {
                File.SetUnixFileMode(file.SafeFileHandle, OwnerReadsAndWrites);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is somebody else's, or the file system knows no modes: then it locks as it can.
        }
        return file;
    }

    /// <summary>
    /// Makes names created in a directory survive a power cut; .NET flushes files only. Does its best: some file systems
    /// refuse, and Windows has nothing like it.
    /// </summary>
    public static void FlushDirectory(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        using var handle = Open(directory, flags: 0);
        if (!handle.IsInvalid)
        {
            RandomAccess.FlushToDisk(handle);
        }
    }

    [DllImport("libc", EntryPoint = "open")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern SafeFileHandle Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);
}
