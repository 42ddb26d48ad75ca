using System.Diagnostics;
using System.Globalization;
using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>
/// Lets <c>initdb</c> run as a user that has no name on this machine, as containers are often started: it looks its name
/// up, and ends without one. No other program of ours does.
/// </summary>
internal static class NamelessUser
{
    private const string WrapperLibrary = "libnss_wrapper.so";
    private const string UserList = "/etc/passwd";

    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(5);

    private static readonly string[] LibraryDirectories = ["/usr/lib64", "/usr/lib", "/usr/local/lib"];

    /// <param name="directory">Exists, is empty but for what we put there, and may be written to.</param>
    /// <param name="user">The account to run as; null is our own. Another one has a name.</param>
    /// <exception cref="StartRefusedException">The user has no name, and nothing helps.</exception>
    public static async Task<ProcessStartInfo> DescribeAsync(
        string program, IReadOnlyList<string> arguments, string? user, string directory, CancellationToken ct)
    {
        var plain = ChildProcesses.Describe(program, arguments, user, directory);
        if (user is not null || RunningUser.HasName || !OperatingSystem.IsLinux())
        {
            return plain;
        }
        if (FindWrapper() is { } wrapper)
        {
            return await WithNamesAsync(plain, wrapper, directory, ct);
        }
        if (SomebodyElse() is { } id)
        {
            // That one within, and whoever we are for the files.
            string[] mapped = ["--user", "--map-user=" + id, "--map-group=" + id];
            var probe = ChildProcesses.Describe("unshare", [.. mapped, program, "--version"], user: null, directory);
            if (await ChildProcesses.RunAsync(probe, ProbeLimit, ct) is { ExitCode: 0 })
            {
                return ChildProcesses.Describe("unshare", [.. mapped, program, .. arguments], user: null, directory);
            }
        }
        throw new StartRefusedException(
            $"The private database cannot be made by the user {RunningUser.Name}, who has no name on this machine: add one to /etc/passwd, install libnss-wrapper, or use a server of yours (PANDORA_DB_HOST, PANDORA_DB_DNS or ConnectionStrings__pandora).");
    }

    /// <summary>A library that answers for a list of users of its own.</summary>
    private static async Task<ProcessStartInfo> WithNamesAsync(ProcessStartInfo plain, string wrapper, string directory, CancellationToken ct)
    {
        var (users, groups) = (Path.Combine(directory, "users"), Path.Combine(directory, "groups"));
        await File.WriteAllTextAsync(
            users, string.Create(CultureInfo.InvariantCulture, $"pandora:x:{RunningUser.Id}:{RunningUser.GroupId}::/:/bin/false\n"), ct);
        await File.WriteAllTextAsync(groups, string.Create(CultureInfo.InvariantCulture, $"pandora:x:{RunningUser.GroupId}:\n"), ct);
        plain.Environment["LD_PRELOAD"] = wrapper;
        plain.Environment["NSS_WRAPPER_PASSWD"] = users;
        plain.Environment["NSS_WRAPPER_GROUP"] = groups;
        return plain;
    }

    /// <summary>The number of a user that has a name and is not root. Null: there is none.</summary>
    private static string? SomebodyElse() =>
        File.Exists(UserList)
            ? File.ReadLines(UserList).Select(line => line.Split(':')).FirstOrDefault(fields => fields is [_, _, not "0", ..])?[2]
            : null;

    private static string? FindWrapper()
    {
        var architectures = Directory.Exists("/usr/lib") ? Directory.EnumerateDirectories("/usr/lib", "*-linux-gnu*") : [];
        return architectures.Concat(LibraryDirectories).Select(directory => Path.Combine(directory, WrapperLibrary)).FirstOrDefault(File.Exists);
    }
}
