using System.Globalization;

namespace Pandora.Tests.Operation;

/// <summary>A <c>PANDORA_DIR</c> of a test's own, gone afterwards.</summary>
internal sealed class DataFolder : IDisposable
{
    public DataFolder() => Directory.CreateDirectory(Path);

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"pandora-{Guid.CreateVersion7():N}");

    public string Cluster => System.IO.Path.Combine(Path, "postgres", "data");

    public string PidFile => System.IO.Path.Combine(Cluster, "postmaster.pid");

    /// <summary>The process id of the private server that runs on the folder.</summary>
    public int ServerPid => int.Parse(File.ReadLines(PidFile).First(), CultureInfo.InvariantCulture);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
