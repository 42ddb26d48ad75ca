using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

/// <summary>
/// What .NET runs in a measured node ahead of its own program (<c>DOTNET_STARTUP_HOOKS</c>), so that any build of the
/// product can be measured as it is: tells the parent how many bytes the process has allocated, and stops it with the parent.
/// </summary>
[SuppressMessage("Design", "CA1050:Declare types in namespaces", Justification = ".NET looks for the name as it is.")]
[SuppressMessage("Performance", "CA1812:Avoid uninstantiated internal classes", Justification = "Only its method is called.")]
internal static class StartupHook
{
    private const int SigTerm = 15;

    public static void Initialize() => new Thread(AnswerParent) { IsBackground = true }.Start();

    private static void AnswerParent()
    {
        while (Console.In.ReadLine() is not null)
        {
            Pandora.Benchmarks.Servers.ChildLines.ReplyAllocated();
        }
        _ = kill(Environment.ProcessId, SigTerm);
    }

    [DllImport("libc")]
    private static extern int kill(int process, int signal);
}
