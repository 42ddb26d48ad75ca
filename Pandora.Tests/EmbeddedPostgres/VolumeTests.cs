using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pandora.Core.EmbeddedPostgres;
using Pandora.Core.Settings;
using Pandora.Tests.Harness;
using Pandora.Tests.Operation;

namespace Pandora.Tests.EmbeddedPostgres;

/// <summary>What mounts, copies and restores do to the files of the private database, and whether it starts on them.</summary>
public sealed class VolumeTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("chmod -R g+rwX,g+s \"$1\"")] // what Kubernetes does for an fsGroup
    [InlineData("chmod 0755 \"$1/postgres/data\"")]
    [InlineData("chmod -R a+rwX \"$1/postgres\"")]
    [InlineData("chmod 0644 \"$1/postgres/superuser\"")]
    [InlineData("find \"$1/postgres\" -type d -empty -delete")] // what copies leave out
    [InlineData(": > \"$1/postgres/data/postmaster.pid\"")]
    [InlineData("head -c 64 /dev/zero > \"$1/postgres/data/postmaster.pid\"")]
    [InlineData("printf 'half' > \"$1/postgres/data/postmaster.pid\"")]
    public async Task It_starts_on_files_that_were_touched_in_a_harmless_way_and_they_are_its_own_again(string what)
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no mode bits.");
            return; // for the analyzer, which does not know that Skip throws
        }
        using var folder = new DataFolder();
        await MakeAsync(folder);

        await Shell.RunAsync("sh", "-ec", what, "sh", folder.Path);

        await ExpectItStartsAsync(folder);
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        foreach (var name in new[] { "", "data", "socket", "superuser" })
        {
            Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Path.Combine(folder.Path, "postgres", name)) & others);
        }
    }

    [Theory]
    [InlineData("postgres"), InlineData("postgres/data")]
    public async Task Files_that_were_restored_as_root_are_given_to_the_user_who_runs_the_server(string what)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows(), "Only root can give files away.");
        using var folder = new DataFolder();
        await MakeAsync(folder);

        await Shell.RunAsync("chown", "-R", "0:0", Path.Combine(folder.Path, what));

        await ExpectItStartsAsync(folder);
    }

    [Theory]
    [InlineData("chown -R 0:0 \"$1/postgres\"")]
    [InlineData("chown -R 0:0 \"$1/postgres\" && chmod -R a+rX \"$1/postgres\"")]
    [InlineData("chown 0:0 \"$1/postgres/data/global/pg_control\"")]
    public async Task Files_of_another_user_are_told_in_one_line_with_the_command_that_gives_them_back(string what)
    {
        using var folder = SharedFolder();
        await using (var before = await ReadyAsAsync(12_345, folder))
        {
            Assert.Equal(0, await before.StopAsync());
        }

        await Shell.RunAsync("sh", "-ec", what, "sh", folder.Path);

        await using var again = StartAs(12_345, folder);
        Assert.Equal(1, await again.EndAsync());
        Assert.Contains($"chown -R 12345:0 {folder.Path}/postgres", Assert.Single(again.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Any_user_starts_it_without_a_name_in_a_directory_of_group_0()
    {
        using var folder = SharedFolder();
        await using (var process = await ReadyAsAsync(123_456, folder))
        {
            using var rest = new RestClient(process.RestAddress);
            Assert.Equal("OK", (await rest.GetAsync("/health")).Text("status"));
            Assert.Equal("123456", (await Shell.RunAsync("stat", "-c", "%u", folder.Cluster)).Trim());
            Assert.Equal(0, await process.StopAsync());
        }

        await using var again = await ReadyAsAsync(123_456, folder);
        Assert.Equal(0, await again.StopAsync());
    }

    [Fact]
    public async Task Nobody_else_can_hold_the_lock_of_the_directory()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no mode bits.");
            return;
        }
        using var folder = new DataFolder();
        var file = Path.Combine(folder.Path, "postgres.lock");
        using (await DirectoryLock.TakeAsync(folder.Path, NullLogger.Instance, Token))
        {
            Assert.Equal(PrivateFiles.OwnerReadsAndWrites, File.GetUnixFileMode(file));
        }

        File.SetUnixFileMode(file, PrivateFiles.OwnerReadsAndWrites | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        using (await DirectoryLock.TakeAsync(folder.Path, NullLogger.Instance, Token))
        {
            Assert.Equal(PrivateFiles.OwnerReadsAndWrites, File.GetUnixFileMode(file));
        }
    }

    [Fact]
    public async Task The_server_asks_for_no_huge_pages()
    {
        using var folder = new DataFolder();
        await using var postgres = await StartAsync(folder);
        await using var source = NpgsqlDataSource.Create(postgres.ConnectionString);
        await using var question = source.CreateCommand("SHOW huge_pages");

        Assert.Equal("off", await question.ExecuteScalarAsync(Token));
    }

    [Theory]
    [InlineData("ends with a line break\n"), InlineData("plain\n"), InlineData("\n")]
    public async Task A_password_that_ends_with_a_line_break_serves(string password)
    {
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(folder.Path, ("PANDORA_DB_PASSWORD", password));

        Assert.Contains(process.Output, line => line.Contains("PANDORA_DB_PASSWORD ends with white space", StringComparison.Ordinal));
        Assert.Equal(0, await process.StopAsync());
    }

    [Fact]
    public async Task Names_that_end_with_a_line_break_serve_and_the_owner_may_change()
    {
        var name = ("PANDORA_DB_NAME", (string?)"pandora\n");
        using var folder = new DataFolder();
        await using (var process = await PandoraProcess.StartReadyAsync(folder.Path, name, ("PANDORA_DB_USER", "pandora\n")))
        {
            foreach (var variable in (string[])["PANDORA_DB_NAME", "PANDORA_DB_USER"])
            {
                Assert.Single(process.Output, line => line.Contains(variable + " ends with white space", StringComparison.Ordinal));
            }
            using var rest = await process.SignInFirstAsync();
            Assert.Equal(0, await process.StopAsync());
        }
        await using (var process = await PandoraProcess.StartReadyAsync(folder.Path, name, ("PANDORA_DB_USER", "other")))
        {
            using var rest = new RestClient(process.RestAddress);
            await rest.SignInAsync("Admin", FirstLogin.Password); // the same database
            Assert.Equal(0, await process.StopAsync());
        }
    }

    private static async Task MakeAsync(DataFolder folder)
    {
        await using var postgres = await StartAsync(folder);
        await using var source = NpgsqlDataSource.Create(postgres.ConnectionString);
        await using var command = source.CreateCommand("CREATE TABLE kept AS SELECT 7 AS id");
        await command.ExecuteNonQueryAsync(Token);
    }

    private static async Task ExpectItStartsAsync(DataFolder folder)
    {
        await using var postgres = await StartAsync(folder);
        await using var source = NpgsqlDataSource.Create(postgres.ConnectionString);
        await using var question = source.CreateCommand("SELECT id FROM kept");
        Assert.Equal(7, await question.ExecuteScalarAsync(Token));
    }

    private static Task<PrivatePostgres> StartAsync(DataFolder folder) =>
        PrivatePostgres.StartAsync(
            new PrivatePostgresOptions
            {
                DataDirectory = folder.Path,
                Database = new("pandora", "pandora", "secret", TestServer.BinariesDirectory),
                ServerSettings = new Dictionary<string, string> { ["fsync"] = "off" },
            },
            NullLogger.Instance,
            Token);

    /// <summary>As platforms prepare it for whatever user they choose: <c>root:0 0770</c>.</summary>
    private static DataFolder SharedFolder()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && OperatingSystem.IsLinux(), "Only root can become other users.");
        var folder = new DataFolder();
        Process.Start("chmod", ["0770", folder.Path]).WaitForExit();
        return folder;
    }

    private static async Task<PandoraProcess> ReadyAsAsync(int user, DataFolder folder)
    {
        var process = StartAs(user, folder);
        await process.UntilReadyAsync();
        return process;
    }

    private static PandoraProcess StartAs(int user, DataFolder folder) =>
        PandoraProcess.Start(
            ["Pandora.Core.dll"],
            folder.Path,
            [("HOME", "/"), ("DOTNET_CLI_HOME", "/tmp")],
            launcher: ["setpriv", string.Create(CultureInfo.InvariantCulture, $"--reuid={user}"), "--regid=0", "--clear-groups"]);
}
