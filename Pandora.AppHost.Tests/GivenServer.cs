using Microsoft.Extensions.Logging.Abstractions;
using Pandora.Core.EmbeddedPostgres;

namespace Pandora.AppHost.Tests;

/// <summary>A PostgreSQL that is there before the AppHost, with an empty database.</summary>
internal sealed class GivenServer : IAsyncDisposable
{
    private readonly DirectoryInfo _data;
    private readonly PrivatePostgres _postgres;

    private GivenServer(DirectoryInfo data, PrivatePostgres postgres)
    {
        _data = data;
        _postgres = postgres;
    }

    public string ConnectionString => _postgres.ConnectionString;

    public static async Task<GivenServer> StartAsync(CancellationToken ct)
    {
        var data = Directory.CreateTempSubdirectory("pandora-given-");
        return new GivenServer(data, await PrivatePostgres.StartAsync(
            new PrivatePostgresOptions
            {
                DataDirectory = data.FullName,
                Database = new("pandora", "pandora", "given"),
                ServerSettings = new Dictionary<string, string> { ["fsync"] = "off" },
            },
            NullLogger.Instance,
            ct));
    }

    public async ValueTask DisposeAsync()
    {
        await _postgres.DisposeAsync();
        _data.Delete(recursive: true);
    }
}
