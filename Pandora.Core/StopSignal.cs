using System.Runtime.InteropServices;

namespace Pandora.Core;

/// <summary>
/// SIGTERM and SIGINT (Ctrl-C), heard from the first moment, because a start can be stopped too, until the very end:
/// a repeated signal must not cut a stop short.
/// </summary>
internal static class StopSignal
{
    private static readonly CancellationTokenSource Source = new();
    private static readonly List<PosixSignalRegistration> Registrations = [];

    /// <returns>Cancelled when somebody asked us to stop.</returns>
    public static CancellationToken Listen()
    {
        Registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, Request));
        Registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, Request));
        return Source.Token;
    }

    private static void Request(PosixSignalContext context)
    {
        context.Cancel = true; // the default would end the process at once
        Source.Cancel();
    }
}
