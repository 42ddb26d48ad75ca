using System.Net;
using Pandora.Core.EmbeddedPostgres;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

public sealed class StopAndCrashTests
{
    private const string CredentialsLine = "[INFO] Default admin credentials:";

    [Theory]
    [InlineData("TERM"), InlineData("INT")]
    public async Task A_signal_stops_node_and_database_with_exit_code_0(string signal)
    {
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(folder.Path);
        var server = folder.ServerPid;

        Assert.Equal(0, await process.StopAsync(signal));

        Assert.False(Signals.IsAlive(server));
        Assert.False(File.Exists(folder.PidFile));
        Assert.Empty(process.Errors);
    }

    [Fact]
    public async Task A_start_can_be_stopped_too_and_the_next_one_begins_anew()
    {
        using var folder = new DataFolder();
        await using (var process = PandoraProcess.Start(folder.Path))
        {
            await process.UntilAsync(line => line.Contains("Creating the private database", StringComparison.Ordinal), "the first start");
            Assert.Equal(0, await process.StopAsync());
        }

        await using var again = await PandoraProcess.StartReadyAsync(folder.Path);
        Assert.Contains(CredentialsLine, again.Output);
    }

    [Fact]
    public async Task A_first_start_killed_half_way_does_not_hinder_the_next()
    {
        using var folder = new DataFolder();
        await using (var process = PandoraProcess.Start(folder.Path))
        {
            await Eventually.HoldsAsync(
                "initdb at work",
                () => Task.FromResult(Directory.GetDirectories(folder.Path, "data", SearchOption.AllDirectories).Length > 0),
                PandoraProcess.StartLimit);
            Signals.Send("KILL", process.Id);
            await process.EndAsync();
        }

        await using var again = await PandoraProcess.StartReadyAsync(folder.Path);
        Assert.Contains(CredentialsLine, again.Output);
    }

    [Fact]
    public async Task What_was_committed_survives_stops_and_kills()
    {
        using var folder = new DataFolder();
        foreach (var (signal, starts) in new[] { ("TERM", 1), ("KILL", 2), ("KILL", 3), ("TERM", 4) })
        {
            await using var process = await PandoraProcess.StartReadyAsync(folder.Path);
            Assert.Equal(starts == 1, process.Output.Contains(CredentialsLine)); // printed once in the life of the data

            Signals.Send(signal, process.Id);
            Assert.Equal(signal == "TERM" ? 0 : 128 + 9, await process.EndAsync());
        }
    }

    [Fact]
    public async Task A_killed_product_does_not_leave_its_database_running()
    {
        Assert.SkipUnless(ChildProcesses.Find("setpriv") is not null, "The kernel is told by setpriv, which is not installed.");
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(folder.Path);
        var server = folder.ServerPid;

        Signals.Send("KILL", process.Id);

        await Eventually.HoldsAsync("the end of the private database", () => Task.FromResult(!Signals.IsAlive(server)));
    }

    [Fact]
    public async Task A_database_left_running_by_a_killed_product_is_taken_over()
    {
        using var folder = new DataFolder();
        using var programs = new ProgramsWithout("setpriv");
        int left;
        await using (var process = await PandoraProcess.StartReadyAsync(folder.Path, ("PATH", programs.Path)))
        {
            left = folder.ServerPid;
            Signals.Send("KILL", process.Id);
            await process.EndAsync();
        }
        Assert.True(Signals.IsAlive(left));

        await using var again = await PandoraProcess.StartReadyAsync(folder.Path);

        Assert.False(Signals.IsAlive(left));
        Assert.DoesNotContain(CredentialsLine, again.Output);
    }

    [Fact]
    public async Task Lock_files_of_a_killed_server_do_not_hinder_the_next_start_even_if_their_number_is_taken_again()
    {
        using var folder = new DataFolder();
        await using (var process = await PandoraProcess.StartReadyAsync(folder.Path))
        {
            var server = folder.ServerPid;
            Signals.Send("STOP", process.Id); // or it would start the server again
            Signals.Send("KILL", server);
            Signals.Send("KILL", process.Id);
            await process.EndAsync();
        }
        foreach (var file in Directory.GetFiles(Path.Combine(folder.Path, "postgres", "socket"), "*.lock").Append(folder.PidFile))
        {
            var lines = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);
            lines[0] = Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture);
            await File.WriteAllLinesAsync(file, lines, TestContext.Current.CancellationToken);
        }

        await using var again = await PandoraProcess.StartReadyAsync(folder.Path);

        Assert.Equal(0, await again.StopAsync());
    }

    [Fact]
    public async Task A_killed_database_comes_back_and_the_node_with_it()
    {
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(folder.Path);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{process.HttpPort}") };
        Assert.Equal(HttpStatusCode.OK, await HealthAsync());

        Signals.Send("KILL", folder.ServerPid);

        await process.UntilAsync(line => line.Contains("is back after", StringComparison.Ordinal), "the restart");
        await Eventually.HoldsAsync("health OK", async () => await HealthAsync() == HttpStatusCode.OK, TimeSpan.FromSeconds(10));
        Assert.Equal(0, await process.StopAsync());

        async Task<HttpStatusCode> HealthAsync()
        {
            using var answer = await http.GetAsync("/api/v1/health", TestContext.Current.CancellationToken);
            return answer.StatusCode;
        }
    }
}
