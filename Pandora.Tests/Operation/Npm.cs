using Pandora.Core.EmbeddedPostgres;

namespace Pandora.Tests.Operation;

/// <summary>A program named npm that does as a test wishes.</summary>
internal sealed class Npm : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pandora-npm-");

    /// <param name="script">For a shell; <c>$NPM</c> is the real one.</param>
    public Npm(string script)
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("The test's npm is a shell script.");
            return; // for the analyzer, which does not know that Skip throws
        }
        File.WriteAllText(Path, $"#!/bin/sh\nNPM='{PostgresPackage.FindNpm()}'\n{script}\n");
        File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public string Path => System.IO.Path.Combine(_folder.FullName, "npm");

    /// <summary>The machine's own. Skips the test where there is none, but fails it in CI.</summary>
    public static string Required()
    {
        if (PostgresPackage.FindNpm() is { } npm)
        {
            return npm;
        }
        Assert.False(Environment.GetEnvironmentVariable("CI") == "true", "CI must have npm.");
        Assert.Skip("There is no npm on this machine.");
        return ""; // for the compiler, which does not know that Skip throws
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
