namespace Pandora.Tests.Operation;

/// <summary>A PATH that has every program of the machine but a few.</summary>
internal sealed class ProgramsWithout : IDisposable
{
    private readonly string _folder = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"pandora-path-{Guid.CreateVersion7():N}");

    public ProgramsWithout(params string[] missing)
    {
        Directory.CreateDirectory(_folder);
        foreach (var directory in Environment.GetEnvironmentVariable("PATH")!.Split(':').Where(Directory.Exists))
        {
            foreach (var program in Directory.EnumerateFiles(directory))
            {
                var name = System.IO.Path.GetFileName(program);
                var link = System.IO.Path.Combine(_folder, name);
                if (!missing.Contains(name) && !File.Exists(link))
                {
                    File.CreateSymbolicLink(link, program);
                }
            }
        }
    }

    public string Path => _folder;

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
