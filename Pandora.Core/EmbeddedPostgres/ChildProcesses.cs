using System.Collections;
using System.ComponentModel;
using System.Diagnostics;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>What a helper program left behind.</summary>
internal sealed record ProgramResult(int ExitCode, string Output, string Errors)
{
    /// <summary>The most telling line for an operator: the last one with an error in it, else the last one.</summary>
    public string Reason
    {
        get
        {
            var lines = (Errors + "\n" + Output).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            return lines.FirstOrDefault(line => line.Contains("error:", StringComparison.OrdinalIgnoreCase))
                ?? lines.LastOrDefault()
                ?? $"exit code {ExitCode}";
        }
    }
}

/// <summary>Starts the programs of PostgreSQL, and npm, none of which gets to see more of our environment than it needs.</summary>
internal static class ChildProcesses
{
    /// <summary>Kept from our environment. All else, secrets and PG… variables included, stays here.</summary>
    private static readonly string[] PassedOn =
        ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "TMPDIR", "TEMP", "TMP", "SystemRoot", "SystemDrive"];

    /// <param name="user">The account to run as; null is our own. Another one needs root.</param>
    /// <param name="alsoPassedOn">Which further variables of our environment it needs. Null: none.</param>
    public static ProcessStartInfo Describe(
        string program, IEnumerable<string> arguments, string? user, string directory, Func<string, bool>? alsoPassedOn = null)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (user is not null)
        {
            info.UserName = user;
        }
        info.Environment.Clear();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            var name = (string)variable.Key;
            if (PassedOn.Contains(name, StringComparer.OrdinalIgnoreCase) || alsoPassedOn?.Invoke(name) == true)
            {
                info.Environment[name] = (string?)variable.Value;
            }
        }
        info.Environment["LC_ALL"] = "C";
        return info;
    }

    /// <summary>
    /// Starts a process from a thread that ends with it: Linux sends a parent-death signal when the *thread* that started
    /// the child ends, and threads of the pool come and go.
    /// </summary>
    public static Task<Process> StartAsync(ProcessStartInfo info)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                var process = Process.Start(info)!;
                started.SetResult(process);
                process.WaitForExit();
            }
            catch (Exception e)
            {
                started.TrySetException(e);
            }
        })
        { IsBackground = true, Name = "parent of " + Path.GetFileName(info.FileName) };
        thread.Start();
        return started.Task;
    }

    /// <summary>Runs a program to its end; it is killed when it takes longer than <paramref name="limit"/>.</summary>
    /// <returns>Null when the program is not there or may not be executed.</returns>
    public static async Task<ProgramResult?> RunAsync(
        ProcessStartInfo info, TimeSpan limit, CancellationToken ct)
    {
        Process process;
        try
        {
            process = Process.Start(info)!;
        }
        catch (Win32Exception)
        {
            return null;
        }

        using (process)
        using (var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct))
        {
            deadline.CancelAfter(limit);
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            try
            {
                await process.WaitForExitAsync(deadline.Token);
                return new ProgramResult(process.ExitCode, await output, await errors);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                ct.ThrowIfCancellationRequested();
                return new ProgramResult(-1, "", $"error: no end after {limit.TotalSeconds:0} s");
            }
        }
    }

    /// <summary>The full path of a program on PATH, or null.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Where(Path.IsPathRooted)
            .Select(directory => Path.Combine(directory, program))
            .FirstOrDefault(File.Exists);
}
