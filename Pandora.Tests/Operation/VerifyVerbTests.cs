using Npgsql;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

/// <summary>The verb <c>verify</c>, run as an operator runs it.</summary>
public sealed class VerifyVerbTests(TestServer server)
{
    private static readonly string[] Verify = ["verify"];

    [Fact]
    public async Task A_private_database_is_verified_by_the_server_that_runs_or_else_by_one_of_its_own()
    {
        using var folder = new DataFolder();
        await using (var process = await PandoraProcess.StartReadyAsync(folder.Path))
        {
            var running = folder.ServerPid;

            Assert.Equal((0, "differences: 0"), await OutcomeAsync(folder.Path));

            Assert.Equal(running, folder.ServerPid);
            Assert.Equal(0, await process.StopAsync());
        }

        var (exitCode, output, errors) = await PandoraProcess.RunAsync(Verify, folder.Path);

        Assert.Equal(0, exitCode);
        Assert.Equal(
            ["checked: 0 counters, 0 log rows, 0 reservations, 0 remembered answers, 0 API keys", "differences: 0"], output);
        Assert.Empty(errors);
        Assert.False(File.Exists(folder.PidFile)); // stopped again
    }

    [Fact]
    public async Task One_unit_of_difference_is_told_and_is_exit_code_2()
    {
        var database = await server.CreateDatabaseAsync();
        await using (var connection = new NpgsqlConnection(database))
        {
            await connection.OpenAsync(TestContext.Current.CancellationToken);
            await using var command = new NpgsqlCommand(
                """
                INSERT INTO request (id, request_time, units, counter_id, logged_key_id, logged_service_id, outcome, status_code, method, path, ip_address)
                VALUES ('019cd79e-4600-7000-8000-00000000000a', now(), 1, 0, 0, 0, 0, 0, 0, '/', '192.0.2.7')
                """,
                connection);
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        var (exitCode, output, errors) = await PandoraProcess.RunAsync(Verify, folder: null, ("ConnectionStrings__pandora", database));

        Assert.Equal(2, exitCode);
        Assert.Equal(
            [
                "log: units that no counter gave: expected 0, found 1, first in row 019cd79e-4600-7000-8000-00000000000a",
                "checked: 0 counters, 1 log rows, 0 reservations, 0 remembered answers, 0 API keys",
                "differences: 1",
            ],
            output);
        Assert.Empty(errors);
    }

    [Theory]
    [InlineData("--help"), InlineData("verfy"), InlineData("verify now")]
    public async Task An_unknown_verb_is_one_line_and_exit_code_1(string arguments)
    {
        using var folder = new DataFolder();

        var (exitCode, output, errors) = await PandoraProcess.RunAsync(arguments.Split(' '), folder.Path);

        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        Assert.Contains($"\"{arguments}\"", Assert.Single(errors), StringComparison.Ordinal);
        Assert.Contains("\"verify\"", errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_verified_is_one_line_and_exit_code_1()
    {
        using var folder = new DataFolder();
        var (nobody, _) = PandoraProcess.FreePorts();

        var none = await PandoraProcess.RunAsync(Verify, folder.Path);
        var away = await PandoraProcess.RunAsync(
            Verify, folder.Path, ("ConnectionStrings__pandora", $"Host=127.0.0.1;Port={nobody};Username=u;Password=hidden"));

        Assert.Equal((1, 1), (none.ExitCode, away.ExitCode));
        Assert.Empty(none.Output.Concat(away.Output));
        Assert.Contains("holds no private database", Assert.Single(none.Errors), StringComparison.Ordinal);
        Assert.Contains("cannot be verified", Assert.Single(away.Errors), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    private static async Task<(int, string)> OutcomeAsync(string folder)
    {
        var (exitCode, output, errors) = await PandoraProcess.RunAsync(Verify, folder);
        Assert.Empty(errors);
        return (exitCode, output[^1]);
    }
}
