namespace Pandora.Tests.Operation;

/// <summary>The product on a machine without PostgreSQL's programs, copied out of the build as a deployment would be.</summary>
internal sealed class BareMachine : IDisposable
{
    // PostgreSQL's usual place disappears behind an empty directory, for this process and its children only.
    private const string Hide =
        """
        for place in /usr/lib/postgresql /usr/libexec/postgresql /usr/local/pgsql; do
            if [ -d "$place" ]; then mount --bind "$0" "$place"; fi
        done
        exec "$@"
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pandora-bare-");
    private readonly ProgramsWithout _programs;

    /// <param name="without">Further programs that the machine lacks.</param>
    public BareMachine(params string[] without)
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "Only root can hide PostgreSQL's programs, and only on Linux.");
        _programs = new ProgramsWithout(["pg_config", "initdb", .. without]);
        _folder.CreateSubdirectory("empty");
        var product = _folder.CreateSubdirectory("product");
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory))
        {
            File.Copy(file, Path.Combine(product.FullName, Path.GetFileName(file)));
        }
    }

    /// <summary>Starts the product without waiting.</summary>
    /// <param name="npm">In place of the machine's own.</param>
    public PandoraProcess Start(DataFolder folder, Npm? npm = null, params (string Name, string? Value)[] variables) =>
        PandoraProcess.Start(
            [Path.Combine(_folder.FullName, "product", "Pandora.Core.dll")],
            folder.Path,
            [
                ("PANDORA_PG_BIN", null),
                ("PATH", (npm is null ? "" : Path.GetDirectoryName(npm.Path) + ":") + _programs.Path),
                .. variables,
            ],
            launcher: ["unshare", "--mount", "sh", "-ec", Hide, Path.Combine(_folder.FullName, "empty")]);

    public void Dispose()
    {
        _programs.Dispose();
        _folder.Delete(recursive: true);
    }
}
