using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

public sealed class StartTests
{
    [Theory]
    [InlineData("PANDORA_DB_PASSWORD", null)]
    [InlineData("PANDORA_DB_PASSWORD", "")]
    [InlineData("PANDORA_HTTP_PORT", "none")]
    [InlineData("PANDORA_JWT_SECRET", "hidden")]
    [InlineData("PANDORA_DB_DNS", "host=db password=hidden bogus=1")]
    [InlineData("ConnectionStrings__pandora", "Host=db;Password=hidden;Bogus=1")]
    [InlineData("PANDORA_DIR", "/proc/pandora")]
    [InlineData("PANDORA_PG_BIN", "/proc")]
    [InlineData("PANDORA_GRPC_PORT", "tcp://10.0.0.7:50051")]
    [InlineData("PANDORA_DB_DNS", "postgres://u:hidden/x?y=1@db/d")]
    [InlineData("PANDORA_DB_DNS", "host=db password=hidden sslnegotiation=direct")]
    [InlineData("PANDORA_DB_DNS", "host=db password=hidden target_session_attrs=standby")]
    [InlineData("PANDORA_DB_DNS", "host=db password=hidden sslrootcert=/not/there.pem")]
    [InlineData("ConnectionStrings__pandora", "Host=db;Port=70000;Password=hidden")]
    [InlineData("ConnectionStrings__pandora", "Host=db;Maximum Pool Size=0;Password=hidden")]
    [InlineData("ConnectionStrings__pandora", "Host=db;Minimum Pool Size=9;Maximum Pool Size=3;Password=hidden")]
    [InlineData("PANDORA_JWT_SECRET_FILE", "/not/there")]
    public async Task A_fault_in_the_configuration_is_one_line_and_exit_code_1(string name, string? value)
    {
        using var folder = new DataFolder();
        await using var process = PandoraProcess.Start(folder.Path, (name, value));

        Assert.Equal(1, await process.EndAsync());
        var line = Assert.Single(process.Errors);
        Assert.Contains(name, line, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", line, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateDirectories(folder.Path));
    }

    [Theory]
    [InlineData("PANDORA_HTTP_PORT"), InlineData("PANDORA_GRPC_PORT")]
    public async Task A_port_in_use_ends_the_whole_process_with_exit_code_1(string name)
    {
        using var taken = new TcpListener(IPAddress.Any, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        using var folder = new DataFolder();
        await using var process = PandoraProcess.Start(folder.Path, (name, port));

        Assert.Equal(1, await process.EndAsync());
        var line = Assert.Single(process.Errors);
        Assert.StartsWith($"{name}: port {port} ", line, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.PidFile));
    }

    [Fact]
    public async Task No_platform_can_make_it_trust_forwarding_headers_or_refuse_hosts()
    {
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(
            folder.Path, ("ASPNETCORE_FORWARDEDHEADERS_ENABLED", "true"), ("ASPNETCORE_ALLOWEDHOSTS", "example.org"));
        using var rest = new RestClient(process.RestAddress);

        List<HttpStatusCode> answers = [];
        for (var attempt = 1; attempt <= 6; attempt++)
        {
            using var login = new HttpRequestMessage(HttpMethod.Post, "/api/v1/auth/login")
            {
                Content = JsonContent.Create(new { username = $"user-{attempt}", password = "wrong" }),
            };
            login.Headers.Add("X-Forwarded-For", $"192.0.2.{attempt}");
            answers.Add((await rest.SendAsync(login)).Status);
        }

        Assert.Equal([.. Enumerable.Repeat(HttpStatusCode.Unauthorized, 5), HttpStatusCode.TooManyRequests], answers);
        Assert.Single(process.Output, line => line.Contains("127.0.0.1 sends X-Forwarded-For", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_data_directory_serves_one_process()
    {
        using var folder = new DataFolder();
        await using var first = await PandoraProcess.StartReadyAsync(folder.Path);
        await using var second = PandoraProcess.Start(folder.Path);

        Assert.Equal(1, await second.EndAsync());
        Assert.Contains(folder.Path, Assert.Single(second.Errors), StringComparison.Ordinal);
        Assert.Equal(0, await first.StopAsync());
    }

    [Fact]
    public async Task A_database_of_another_major_version_is_left_alone()
    {
        using var folder = new DataFolder();
        await using (var process = await PandoraProcess.StartReadyAsync(folder.Path))
        {
            Assert.Equal(0, await process.StopAsync());
        }
        await File.WriteAllTextAsync(Path.Combine(folder.Cluster, "PG_VERSION"), "9\n", TestContext.Current.CancellationToken);

        await using var again = PandoraProcess.Start(folder.Path);

        Assert.Equal(1, await again.EndAsync());
        Assert.Contains("PostgreSQL 9", Assert.Single(again.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_misspelt_variable_is_warned_of_before_the_start_is_refused()
    {
        using var folder = new DataFolder();
        await using var process = PandoraProcess.Start(folder.Path, ("PANDORA_DB_PASSWORD", null), ("PANDORA_DB_PASSWROD", "hidden"));

        Assert.Equal(1, await process.EndAsync());
        Assert.Contains("PANDORA_DB_PASSWORD", Assert.Single(process.Errors), StringComparison.Ordinal);
        var warning = Assert.Single(process.Output);
        Assert.Contains("PANDORA_DB_PASSWROD", warning, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_in_a_file_opens_without_its_line_break()
    {
        using var folder = new DataFolder();
        var file = Path.Combine(Path.GetTempPath(), $"pandora-secret-{Guid.CreateVersion7():N}");
        await File.WriteAllTextAsync(file, DataFolder.DatabasePassword + "\n", TestContext.Current.CancellationToken);
        await using (var process = await PandoraProcess.StartReadyAsync(folder.Path, ("PANDORA_DB_PASSWORD", null), ("PANDORA_DB_PASSWORD_FILE", file)))
        {
            await using var source = Npgsql.NpgsqlDataSource.Create(folder.ConnectionString);
            await using var connection = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, await process.StopAsync());
        }
        File.Delete(file);
    }

    [Theory]
    [InlineData(null, true), InlineData("0", true), InlineData("30", false)]
    public async Task A_request_log_from_which_nothing_is_ever_removed_is_warned_of(string? days, bool isWarnedOf)
    {
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(folder.Path, ("PANDORA_LOG_RETENTION_DAYS", days));

        Assert.Equal(isWarnedOf ? 1 : 0, process.Output.Count(line => line.Contains("PANDORA_LOG_RETENTION_DAYS", StringComparison.Ordinal)));
        Assert.Equal(0, await process.StopAsync());
    }

    [Fact]
    public async Task An_unknown_variable_is_one_warning_line()
    {
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(folder.Path, ("PANDORA_DB_DSN", "host=db password=hidden"));

        Assert.Single(process.Output, line => line.Contains("PANDORA_DB_DSN", StringComparison.Ordinal));
        Assert.DoesNotContain(process.Output, line => line.Contains("hidden", StringComparison.Ordinal));
        Assert.Equal(0, await process.StopAsync());
    }
}
