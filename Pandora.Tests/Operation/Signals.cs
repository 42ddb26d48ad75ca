using System.Diagnostics;
using System.Globalization;

namespace Pandora.Tests.Operation;

/// <summary>Sends a signal the way an operator does.</summary>
internal static class Signals
{
    /// <param name="signal">Such as <c>TERM</c>, <c>KILL</c>, <c>STOP</c>.</param>
    public static void Send(string signal, int pid)
    {
        using var kill = Process.Start("kill", [$"-{signal}", pid.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    public static bool IsAlive(int pid) => Directory.Exists($"/proc/{pid}") && !File.ReadAllText($"/proc/{pid}/stat").Contains(") Z ", StringComparison.Ordinal);
}
