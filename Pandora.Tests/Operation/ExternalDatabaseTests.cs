using Npgsql;
using Pandora.Core.Persistence.Migrations;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

/// <summary>The built product on a database of somebody else.</summary>
public sealed class ExternalDatabaseTests(TestServer server)
{
    private const string CredentialsLine = "[INFO] Default admin credentials:";

    [Theory, Checklist(65)]
    [InlineData("parts")]
    [InlineData("keywords")]
    [InlineData("URL")]
    public async Task A_password_with_blanks_quotes_and_backslashes_opens_in_every_form(string form)
    {
        var database = new NpgsqlConnectionStringBuilder(await server.CreateDatabaseAsync());
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(folder.Path, Variables(form, database));

        using var rest = new RestClient(new Uri($"http://127.0.0.1:{process.HttpPort}"));
        await rest.SignInAsync(TestAccount.Username, TestAccount.Password); // the account of this database

        Assert.Contains('\\', database.Password!);
        Assert.False(Directory.Exists(folder.Cluster));
        Assert.Equal(0, await process.StopAsync());
    }

    [Fact, Checklist(60, 67)]
    public async Task Two_processes_that_start_first_and_at_once_migrate_keep_data_and_print_one_password()
    {
        var database = await server.CreateDatabaseAsync(empty: true);
        Assert.Equal(7, await ScalarAsync<int>(database, "CREATE TABLE kept (id integer); INSERT INTO kept VALUES (7) RETURNING id")); // what was there before
        using var one = new DataFolder();
        using var other = new DataFolder();
        await using var first = PandoraProcess.Start(one.Path, ("ConnectionStrings__pandora", database));
        await using var second = PandoraProcess.Start(other.Path, ("ConnectionStrings__pandora", database));
        await Task.WhenAll(first.UntilReadyAsync(), second.UntilReadyAsync());

        string[] output = [.. first.Output, .. second.Output];
        Assert.Single(output, line => line == CredentialsLine);
        var password = Assert.Single(output, line => line.StartsWith("        - Password: ", StringComparison.Ordinal))[^16..];
        foreach (var process in new[] { first, second })
        {
            using var rest = new RestClient(new Uri($"http://127.0.0.1:{process.HttpPort}"));
            await rest.SignInAsync("Admin", password);
        }
        Assert.Equal(1L, await ScalarAsync<long>(database, "SELECT count(*) FROM admin_account"));
        Assert.Equal((long)Migration.All.Count, await ScalarAsync<long>(database, "SELECT count(*) FROM schema_migration"));
        Assert.Equal(7, await ScalarAsync<int>(database, "SELECT id FROM kept"));
    }

    private static (string, string?)[] Variables(string form, NpgsqlConnectionStringBuilder database) => form switch
    {
        "parts" =>
        [
            ("PANDORA_DB_HOST", database.Host),
            ("PANDORA_DB_PORT", $"{database.Port}"),
            ("PANDORA_DB_NAME", database.Database),
            ("PANDORA_DB_USER", database.Username),
            ("PANDORA_DB_PASSWORD", database.Password),
        ],
        "keywords" =>
        [
            ("PANDORA_DB_PASSWORD", "not this one"),
            ("PANDORA_DB_DNS", $"host={Quoted(database.Host)} port={database.Port} dbname={Quoted(database.Database)}"
                + $" user={Quoted(database.Username)} password={Quoted(database.Password)}"),
        ],
        _ =>
        [
            ("PANDORA_DB_PASSWORD", "not this one"),
            ("PANDORA_DB_DNS", $"postgresql://{database.Username}:{Uri.EscapeDataString(database.Password!)}"
                + $"@/{database.Database}?host={Uri.EscapeDataString(database.Host!)}&port={database.Port}"),
        ],
    };

    /// <summary>As libpq reads it.</summary>
    private static string Quoted(string? text) =>
        $"'{text!.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";

    private static async Task<T> ScalarAsync<T>(string database, string sql)
    {
        await using var dataSource = NpgsqlDataSource.Create(database);
        await using var command = dataSource.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }
}
