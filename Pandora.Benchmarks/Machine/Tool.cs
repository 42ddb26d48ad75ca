using System.ComponentModel;
using System.Diagnostics;

namespace Pandora.Benchmarks.Machine;

/// <summary>A program of the machine that is used where it is installed.</summary>
internal static class Tool
{
    /// <summary>What it wrote. Null: it is not there, or it failed.</summary>
    public static async Task<string?> RunAsync(string program, CancellationToken ct, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync(ct);
            var output = await process.StandardOutput.ReadToEndAsync(ct);
            await errors;
            await process.WaitForExitAsync(ct);
            return process.ExitCode == 0 ? output : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
