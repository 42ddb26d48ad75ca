using System.Diagnostics;
using System.Globalization;

namespace Pandora.Tests.Faults;

/// <summary>A file system in memory that is soon full.</summary>
internal sealed class TinyDisk : IDisposable
{
    private readonly string _ballast;

    private TinyDisk(string path)
    {
        Path = path;
        _ballast = System.IO.Path.Combine(path, "ballast");
    }

    public string Path { get; }

    /// <summary>Skips the test where nobody may mount.</summary>
    public static TinyDisk Mount(int megabytes)
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "Only root can mount a small disk, and only on Linux.");
        var path = Directory.CreateTempSubdirectory("pandora-disk-").FullName;
        var size = megabytes.ToString(CultureInfo.InvariantCulture);
        if (Run("mount", "-t", "tmpfs", "-o", $"size={size}m,mode=755", "tmpfs", path) != 0)
        {
            Directory.Delete(path);
            Assert.Skip("This machine does not let root mount a tmpfs.");
        }
        return new TinyDisk(path);
    }

    /// <summary>Leaves so much.</summary>
    public void Fill(int megabytesLeft)
    {
        var buffer = new byte[1024 * 1024];
        using var ballast = File.Create(_ballast);
        while (new DriveInfo(Path).AvailableFreeSpace > megabytesLeft * (long)buffer.Length)
        {
            ballast.Write(buffer);
            ballast.Flush();
        }
    }

    /// <summary>Gives back what <see cref="Fill"/> took.</summary>
    public void MakeRoom() => File.Delete(_ballast);

    public void Dispose()
    {
        Run("umount", Path);
        Directory.Delete(Path);
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode;
    }
}
