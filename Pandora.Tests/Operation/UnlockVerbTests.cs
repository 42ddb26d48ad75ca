using System.Net;
using System.Text.RegularExpressions;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

/// <summary>The verb <c>unlock</c>, run as an operator runs it while a node serves.</summary>
public sealed partial class UnlockVerbTests(PandoraFixture fixture) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private RestClient _admin = null!;
    private RestClient _other = null!;

    public ValueTask InitializeAsync()
    {
        _admin = RestClient.From(IPAddress.Parse("127.0.0.1"), fixture.Node.RestAddress);
        _other = RestClient.From(IPAddress.Parse("127.0.0.2"), fixture.Node.RestAddress);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _admin.Dispose();
        _other.Dispose();
        await fixture.Node.ExecuteAsync("DELETE FROM login_failure");
    }

    [Fact]
    public async Task An_operator_lets_everybody_in_who_was_locked_out()
    {
        await FailAsync(_admin, TestAccount.Username, times: 5);
        await FailAsync(_other, "a password in the wrong field", times: 2);
        (await LogInAsync(_admin)).Expect(HttpStatusCode.TooManyRequests);

        Assert.Equal(
            [
                "any username from 127.0.0.1: 5 failures, locked until 2026-03-10T12:00:30Z",
                "Admin from 127.0.0.1: 5 failures, locked until 2026-03-10T12:00:30Z",
                "any username from 127.0.0.2: 2 failures, not locked",
                "another username from 127.0.0.2: 2 failures, not locked",
                "cleared: 4 counters",
            ],
            await UnlockAsync("unlock"));

        (await LogInAsync(_admin)).Expect(HttpStatusCode.OK);
        Assert.Equal(["cleared: 0 counters"], await UnlockAsync("unlock"));
    }

    [Fact]
    public async Task An_operator_lets_in_one_username_and_leaves_other_addresses_locked()
    {
        await FailAsync(_admin, TestAccount.Username, times: 5);
        await FailAsync(_other, "somebody", times: 5);

        Assert.Equal(["cleared: 0 counters"], await UnlockAsync("unlock", "admin"));
        Assert.Equal(
            [
                "any username from 127.0.0.1: 5 failures, locked until 2026-03-10T12:00:30Z",
                "Admin from 127.0.0.1: 5 failures, locked until 2026-03-10T12:00:30Z",
                "cleared: 2 counters",
            ],
            await UnlockAsync("unlock", "Admin"));

        (await LogInAsync(_admin)).Expect(HttpStatusCode.OK);
        (await LogInAsync(_other)).Expect(HttpStatusCode.TooManyRequests);
    }

    [Fact]
    public async Task Of_an_attack_the_first_counters_are_shown_and_all_are_cleared()
    {
        await fixture.Node.ExecuteAsync(
            "INSERT INTO login_failure SELECT '10.0.0.' || i, '', 1, now() FROM generate_series(1, 23) AS i");

        var lines = await UnlockAsync("unlock");

        Assert.Equal(22, lines.Length);
        Assert.Equal(["and 3 more", "cleared: 23 counters"], lines[^2..]);
        Assert.All(lines[..^2], line => Assert.Matches(Unlocked(), line));
        Assert.Equal(0, await fixture.Node.ScalarAsync<long>("SELECT count(*) FROM login_failure"));
    }

    [Fact]
    public async Task What_cannot_be_unlocked_is_one_line_and_exit_code_1()
    {
        using var folder = new DataFolder();
        var (nobody, _) = PandoraProcess.FreePorts();
        string[] unlock = ["unlock"];

        var none = await PandoraProcess.RunAsync(unlock, folder.Path);
        var away = await PandoraProcess.RunAsync(
            unlock, folder.Path, ("ConnectionStrings__pandora", $"Host=127.0.0.1;Port={nobody};Username=u;Password=hidden"));
        var empty = await PandoraProcess.RunAsync(
            unlock, folder.Path, ("ConnectionStrings__pandora", await fixture.Server.CreateDatabaseAsync(empty: true)));

        Assert.Equal((1, 1, 1), (none.ExitCode, away.ExitCode, empty.ExitCode));
        Assert.Empty(none.Output.Concat(away.Output).Concat(empty.Output));
        Assert.Contains("holds no private database", Assert.Single(none.Errors), StringComparison.Ordinal);
        Assert.Contains("cannot be cleared", Assert.Single(away.Errors), StringComparison.Ordinal);
        Assert.Contains("does not have the schema", Assert.Single(empty.Errors), StringComparison.Ordinal);
    }

    private async Task<string[]> UnlockAsync(params string[] arguments)
    {
        var (exitCode, output, errors) = await PandoraProcess.RunAsync(
            arguments, folder: null, ("ConnectionStrings__pandora", fixture.Node.ConnectionString));
        Assert.Empty(errors);
        Assert.Equal(0, exitCode);
        return output;
    }

    private static async Task FailAsync(RestClient client, string username, int times)
    {
        for (var i = 0; i < times; i++)
        {
            (await client.PostAsync("/auth/login", new { username, password = "wrong" })).Expect(HttpStatusCode.Unauthorized);
        }
    }

    private static Task<RestAnswer> LogInAsync(RestClient client) =>
        client.PostAsync("/auth/login", new { username = TestAccount.Username, password = TestAccount.Password });

    [GeneratedRegex(@"^any username from 10\.0\.0\.[0-9]+: 1 failures, not locked$")]
    private static partial Regex Unlocked();
}
