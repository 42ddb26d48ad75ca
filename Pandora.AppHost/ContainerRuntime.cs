using System.ComponentModel;
using System.Diagnostics;

namespace Pandora.AppHost;

/// <summary>Finds out whether containers can be started on this machine, and by which program.</summary>
internal static class ContainerRuntime
{
    /// <summary>A client that waits for an engine elsewhere must not delay the start.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>The first of these programs whose engine answers. Null: none does.</summary>
    public static async Task<string?> FirstToAnswerAsync(string[] programs)
    {
        var answers = await Task.WhenAll(programs.Select(AnswersAsync));
        return programs.Where((_, i) => answers[i]).FirstOrDefault();
    }

    /// <summary>Asks for something that only the engine knows: the client alone may well be installed without one.</summary>
    private static async Task<bool> AnswersAsync(string program)
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, ["ps", "--quiet"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            try
            {
                await Task.WhenAll(
                    process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
                await process.WaitForExitAsync(limit.Token);
                return process.ExitCode == 0;
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                return false;
            }
        }
        catch (Win32Exception)
        {
            return false; // not installed
        }
    }
}
