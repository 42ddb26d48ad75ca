using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pandora.Core.EmbeddedPostgres;
using Pandora.Core.Persistence.Migrations;
using Pandora.Tests.Harness;

[assembly: AssemblyFixture(typeof(TestServer))]

namespace Pandora.Tests.Harness;

/// <summary>
/// One PostgreSQL for the whole run, made by the product itself, with a migrated template that every test class copies.
/// It does not flush to disk: what a crash leaves behind is the business of the tests that kill processes, and they start
/// their own.
/// </summary>
public sealed class TestServer : IAsyncLifetime
{
    private const string Template = "pandora_template";

    private readonly string _directory = Path.Combine(Path.GetTempPath(), $"pandora-tests-{Guid.CreateVersion7():N}");
    private readonly SemaphoreSlim _copying = new(1);
    private PrivatePostgres? _postgres;

    /// <summary>
    /// Where every server of the run takes its programs from: PANDORA_PG_BIN, or the server's own directory if it had to
    /// fetch them there. Null: each looks for itself.
    /// </summary>
    internal static string? BinariesDirectory { get; private set; } = Environment.GetEnvironmentVariable("PANDORA_PG_BIN");

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(_directory);
        _postgres = await PrivatePostgres.StartAsync(
            new PrivatePostgresOptions
            {
                DataDirectory = _directory,
                Database = new(Template, "pandora", "blank 'quote' \"double\" \\back", BinariesDirectory),
                ServerSettings = new Dictionary<string, string>
                {
                    ["fsync"] = "off",
                    ["full_page_writes"] = "off",
                    ["max_connections"] = "400",
                },
            },
            NullLogger.Instance,
            CancellationToken.None);
        if (_postgres.BinariesDirectory.StartsWith(_directory, StringComparison.Ordinal))
        {
            BinariesDirectory = _postgres.BinariesDirectory;
        }
        await Migrator.MigrateAsync(_postgres.ConnectionString, NullLogger.Instance, CancellationToken.None);
        await TestAccount.CreateAsync(_postgres.ConnectionString);
        NpgsqlConnection.ClearAllPools(); // a template must not be in use while it is copied
    }

    /// <summary>Makes a database like the template and returns its connection string.</summary>
    internal async Task<string> CreateDatabaseAsync(bool empty = false)
    {
        var name = $"test_{Guid.CreateVersion7():N}";
        await _copying.WaitAsync();
        try
        {
            await using var connection = new NpgsqlConnection(_postgres!.SuperuserConnectionStringFor("postgres"));
            await connection.OpenAsync();
            await using var create = new NpgsqlCommand(
                $"CREATE DATABASE {name} TEMPLATE {(empty ? "template0" : Template)} OWNER pandora", connection);
            await create.ExecuteNonQueryAsync();
        }
        finally
        {
            _copying.Release();
        }
        return _postgres.ConnectionStringFor(name);
    }

    public async ValueTask DisposeAsync()
    {
        if (_postgres is not null)
        {
            await _postgres.DisposeAsync();
        }
        _copying.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
