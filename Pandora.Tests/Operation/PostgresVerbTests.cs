using System.Globalization;
using Npgsql;

namespace Pandora.Tests.Operation;

/// <summary>The verb <c>postgres</c>: the private database alone, as a development environment runs it.</summary>
public sealed class PostgresVerbTests
{
    [Fact]
    public async Task It_serves_the_product_s_database_on_the_port_keeps_it_and_ends_when_asked()
    {
        using var folder = new DataFolder();
        var port = PandoraProcess.FreePorts().Http;

        await using (var process = await StartReadyAsync(folder, port))
        {
            await ExecuteAsync(port, "CREATE TABLE kept (id int)");

            Assert.Equal(0, await process.StopAsync());
            Assert.Empty(process.Errors);
            Assert.False(File.Exists(folder.PidFile));
        }

        await using var again = await StartReadyAsync(folder, port);
        await ExecuteAsync(port, "INSERT INTO kept VALUES (1)");
    }

    [Theory]
    [InlineData("0"), InlineData("65536"), InlineData("http")]
    public async Task What_is_no_port_is_one_line_and_exit_code_1(string port)
    {
        using var folder = new DataFolder();

        var (exitCode, output, errors) = await PandoraProcess.RunAsync(["postgres", port], folder.Path);

        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        Assert.Contains($"\"{port}\" is not a port", Assert.Single(errors), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task With_an_external_database_there_is_none_to_run()
    {
        using var folder = new DataFolder();

        var (exitCode, _, errors) = await PandoraProcess.RunAsync(
            ["postgres", "5432"], folder.Path, ("ConnectionStrings__pandora", "Host=127.0.0.1;Username=u;Password=hidden"));

        Assert.Equal(1, exitCode);
        Assert.Contains("external database", Assert.Single(errors), StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", errors[0], StringComparison.Ordinal);
    }

    private static async Task<PandoraProcess> StartReadyAsync(DataFolder folder, int port)
    {
        var process = PandoraProcess.Start(
            ["Pandora.Core.dll", "postgres", port.ToString(CultureInfo.InvariantCulture)], folder.Path, []);
        await process.UntilAsync(line => line.Contains($"ready on port {port}", StringComparison.Ordinal), "the ready line");
        return process;
    }

    private static async Task ExecuteAsync(int port, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = port,
            Username = "pandora",
            Password = DataFolder.DatabasePassword,
            Database = "pandora",
            Pooling = false,
        }.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}
