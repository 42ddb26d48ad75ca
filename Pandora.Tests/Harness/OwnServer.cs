using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pandora.Core.EmbeddedPostgres;
using Pandora.Core.Persistence.Migrations;

namespace Pandora.Tests.Harness;

/// <summary>A PostgreSQL for one test, which may stop, stall and resume it.</summary>
internal sealed class OwnServer : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("pandora-own-").FullName;
    private PrivatePostgres? _postgres;

    private readonly bool _flushes;

    // Runs by itself, without the product that made it: a standby is nothing that the product would start.
    private bool _isAlone;

    private string _binaries = "";

    private OwnServer(bool flushes) => _flushes = flushes;

    public string ConnectionString { get; private set; } = "";

    public string Socket => Path.Combine(_directory, "postgres", "socket", ".s.PGSQL.5432");

    /// <summary>Number of the postmaster.</summary>
    public int ProcessId => int.Parse(File.ReadLines(PidFile).First(), CultureInfo.InvariantCulture);

    /// <summary>The same; 0 while one postmaster makes room for the next.</summary>
    public int ProcessIdIfAny
    {
        get
        {
            try
            {
                return int.TryParse(File.ReadLines(PidFile).FirstOrDefault(), CultureInfo.InvariantCulture, out var pid) ? pid : 0;
            }
            catch (FileNotFoundException)
            {
                return 0;
            }
        }
    }

    private string Home => Path.Combine(_directory, "postgres");

    private string PidFile => Path.Combine(Home, "data", "postmaster.pid");

    /// <summary>Migrated, with the test account.</summary>
    /// <param name="flushes">Whether a commit waits for the disk, as it does for an operator.</param>
    public static async Task<OwnServer> StartAsync(bool flushes = false)
    {
        var server = new OwnServer(flushes);
        await server.ResumeFromStopAsync();
        await Migrator.MigrateAsync(server.ConnectionString, NullLogger.Instance, CancellationToken.None);
        await TestAccount.CreateAsync(server.ConnectionString);
        return server;
    }

    /// <summary>Shuts the server down; connections are refused.</summary>
    public ValueTask StopAsync() => _postgres!.DisposeAsync();

    /// <summary>Starts it again on the same data and the same address.</summary>
    public async Task ResumeFromStopAsync()
    {
        _postgres = await PrivatePostgres.StartAsync(
            new PrivatePostgresOptions
            {
                DataDirectory = _directory,
                Database = new("pandora", "pandora", "own", TestServer.BinariesDirectory),
                ServerSettings = new Dictionary<string, string> { ["fsync"] = _flushes ? "on" : "off" },
            },
            NullLogger.Instance,
            CancellationToken.None);
        ConnectionString = _postgres.ConnectionString;
        _binaries = _postgres.BinariesDirectory;
    }

    /// <summary>Starts the server again as a standby: it can be read, and not written until it is promoted.</summary>
    public async Task BecomeStandbyAsync()
    {
        await StopAsync();
        await StartAsStandbyAsync();
    }

    /// <summary>Another server on a copy of the data, as a standby. It does not follow this one.</summary>
    public async Task<OwnServer> CopyAsStandbyAsync()
    {
        await StopAsync();
        var copy = new OwnServer(_flushes) { _binaries = _binaries };
        Directory.Delete(copy._directory);
        await Shell.RunAsync("cp", "-a", _directory, copy._directory);
        await ResumeFromStopAsync();
        copy.ConnectionString =
            new NpgsqlConnectionStringBuilder(ConnectionString) { Host = Path.GetDirectoryName(copy.Socket) }.ConnectionString;
        await copy.StartAsStandbyAsync();
        return copy;
    }

    private async Task StartAsStandbyAsync()
    {
        var signal = Path.Combine(Home, "data", "standby.signal");
        await File.WriteAllTextAsync(signal, "");
        await Shell.RunAsync("chown", "--reference=" + Path.Combine(Home, "data", "PG_VERSION"), signal);
        _isAlone = true;
        await ControlAsync(
            "start", "--wait", "--log=" + Path.Combine(Home, "socket", "log"),
            $"--options=-c listen_addresses= -c unix_socket_directories={Path.Combine(Home, "socket")} -c fsync=off");
    }

    public Task PromoteAsync() => ControlAsync("promote", "--wait");

    /// <summary>Runs a statement as the superuser.</summary>
    public async Task ExecuteAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(_postgres!.SuperuserConnectionStringFor("postgres"));
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Stops every process of the server where it stands; connections stay open and silent.</summary>
    public void Stall() => Signal("STOP");

    public void ResumeFromStall() => Signal("CONT");

    public async ValueTask DisposeAsync()
    {
        ResumeFromStall();
        if (_isAlone)
        {
            await ControlAsync("stop", "--mode=immediate");
        }
        await (_postgres?.DisposeAsync() ?? ValueTask.CompletedTask);
        Directory.Delete(_directory, recursive: true);
    }

    private async Task ControlAsync(params string[] arguments)
    {
        var account = await ServerAccount.ChooseAsync(Home, CancellationToken.None);
        var control = ChildProcesses.Describe(
            Path.Combine(_binaries, "pg_ctl"), [.. arguments, "--pgdata=" + Path.Combine(Home, "data")], account.User, "/");
        var result = await ChildProcesses.RunAsync(control, TimeSpan.FromMinutes(1), CancellationToken.None);
        Assert.True(result is { ExitCode: 0 }, $"pg_ctl {arguments[0]}: {result?.Errors} {result?.Output}");
    }

    private void Signal(string signal)
    {
        foreach (var process in Processes())
        {
            // It may have ended meanwhile, and nobody needs to read that.
            var info = new ProcessStartInfo("kill", [$"-{signal}", process.ToString(CultureInfo.InvariantCulture)])
            {
                RedirectStandardError = true,
            };
            using var kill = Process.Start(info)!;
            kill.WaitForExit();
        }
    }

    /// <summary>The postmaster and its children.</summary>
    private List<int> Processes()
    {
        if (!File.Exists(PidFile))
        {
            return [];
        }
        var postmaster = ProcessId;
        var children =
            from folder in Directory.EnumerateDirectories("/proc")
            let name = Path.GetFileName(folder)
            where name.All(char.IsAsciiDigit) && ParentOf(folder) == postmaster
            select int.Parse(name, CultureInfo.InvariantCulture);
        return [postmaster, .. children];
    }

    private static int ParentOf(string processFolder)
    {
        try
        {
            var stat = File.ReadAllText(Path.Combine(processFolder, "stat"));
            return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0; // it ended meanwhile
        }
    }
}
