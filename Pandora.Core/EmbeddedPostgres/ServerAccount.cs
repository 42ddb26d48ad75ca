using System.ComponentModel;
using System.Globalization;
using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>The account that runs the server: PostgreSQL refuses to run as root, so root hands it to another one.</summary>
/// <param name="User">Null: the account of this process.</param>
internal sealed record ServerAccount(string? User)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>For messages to the operator.</summary>
    public string Description => User is null ? $"the user {RunningUser.Name}" : $"the user {User}";

    /// <param name="home">Where the cluster is or will be: one that exists stays with the user it belongs to.</param>
    public static async Task<ServerAccount> ChooseAsync(string home, CancellationToken ct)
    {
        if (OperatingSystem.IsWindows() || !Environment.IsPrivilegedProcess)
        {
            return new ServerAccount(User: null);
        }
        return new[] { await OwnerOfAsync(home, ct), "postgres", "nobody" }
            .Where(user => user is not (null or "root"))
            .Select(user => new ServerAccount(user))
            .FirstOrDefault(account => account.CanEnter("/")) ?? throw new StartRefusedException(
            "The private database cannot run as root, and this machine has neither a user postgres nor a user nobody: create one (\"useradd --system postgres\"), or start Pandora Core as an unprivileged user.");
    }

    /// <summary>Gives a directory and all in it to the server's account. Only for what nobody else could write to yet.</summary>
    public Task GiveAsync(string directory, CancellationToken ct) =>
        User is null ? Task.CompletedTask : ChangeOwnerAsync(["-R", User + ":", directory], ct);

    /// <summary>
    /// Makes sure the account can enter <paramref name="directory"/>. The directory itself may be opened for its group,
    /// because it is ours; the way to it is the operator's.
    /// </summary>
    public async Task OpenWayToAsync(string directory, CancellationToken ct)
    {
        if (CanEnter(directory) || OperatingSystem.IsWindows())
        {
            return;
        }
        if (!CanEnter(Path.GetDirectoryName(directory) ?? directory))
        {
            throw new StartRefusedException(
                $"The private database runs as {Description}, who cannot reach {directory}: choose a PANDORA_DIR outside of private directories such as /root, or let others pass through each directory above it (chmod o+x).");
        }

        // Nothing in there is for the group: passing through is all it can do.
        await ChangeOwnerAsync([":" + await AskAsync("-g", ct), directory], ct);
        File.SetUnixFileMode(directory, File.GetUnixFileMode(directory) | UnixFileMode.GroupExecute);
        if (!CanEnter(directory))
        {
            throw new StartRefusedException(
                $"The private database runs as {Description}, who cannot enter PANDORA_DIR {directory}: let that user pass through it (chmod o+x).");
        }
    }

    private static async Task<string?> OwnerOfAsync(string directory, CancellationToken ct)
    {
        if (!Directory.Exists(directory))
        {
            return null;
        }
        string[] arguments = OperatingSystem.IsLinux() ? ["-c", "%U", directory] : ["-f", "%Su", directory];
        var stat = ChildProcesses.Describe("stat", arguments, user: null, "/");
        return await ChildProcesses.RunAsync(stat, Limit, ct) is { ExitCode: 0 } answer ? answer.Output.Trim() : null;
    }

    /// <summary>Its number; null if it cannot be found out.</summary>
    public async Task<string?> UserIdAsync(CancellationToken ct) =>
        User is null ? RunningUser.Id.ToString(CultureInfo.InvariantCulture) : await AskAsync("-u", ct);

    private async Task<string?> AskAsync(string option, CancellationToken ct)
    {
        var id = ChildProcesses.Describe("id", [option, User!], user: null, "/");
        return await ChildProcesses.RunAsync(id, Limit, ct) is { ExitCode: 0 } answer ? answer.Output.Trim() : null;
    }

    private static async Task ChangeOwnerAsync(string[] arguments, CancellationToken ct)
    {
        var result = await ChildProcesses.RunAsync(ChildProcesses.Describe("chown", arguments, user: null, "/"), Limit, ct);
        if (result is not { ExitCode: 0 })
        {
            throw new StartRefusedException(
                $"The private database cannot be given to its user: {result?.Reason ?? "chown is missing"}");
        }
    }

    /// <summary>Asks the kernel rather than the mode bits: groups, access lists and mounts have a say too.</summary>
    public bool CanEnter(string directory)
    {
        if (User is null)
        {
            return true;
        }
        try
        {
            using var process = System.Diagnostics.Process.Start(ChildProcesses.Describe("true", [], User, directory));
            return true;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
