using System.Globalization;
using Npgsql;

namespace Pandora.Tests.Operation;

/// <summary>A <c>PANDORA_DIR</c> of a test's own, gone afterwards.</summary>
internal sealed class DataFolder : IDisposable
{
    /// <summary>What <see cref="PandoraProcess"/> sets.</summary>
    public const string DatabasePassword = "blank 'quote' \"double\" \\back";

    private readonly bool _isOurs = true;

    public DataFolder() => Directory.CreateDirectory(Path);

    /// <summary>In a place that is there already, and goes with it.</summary>
    public DataFolder(string path) => (Path, _isOurs) = (path, false);

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"pandora-{Guid.CreateVersion7():N}");

    /// <summary>To the private server, while it runs.</summary>
    public string ConnectionString => new NpgsqlConnectionStringBuilder
    {
        Host = System.IO.Path.Combine(Path, "postgres", "socket"),
        Username = "pandora",
        Password = DatabasePassword,
        Database = "pandora",
        Pooling = false,
    }.ConnectionString;

    public string Cluster => System.IO.Path.Combine(Path, "postgres", "data");

    public string PidFile => System.IO.Path.Combine(Cluster, "postmaster.pid");

    /// <summary>The process id of the private server that runs on the folder.</summary>
    public int ServerPid => int.Parse(File.ReadLines(PidFile).First(), CultureInfo.InvariantCulture);

    public void Dispose()
    {
        if (_isOurs)
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}
