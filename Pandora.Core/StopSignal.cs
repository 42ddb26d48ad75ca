using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Pandora.Core;

/// <summary>
/// SIGTERM and SIGINT (Ctrl-C), heard from the first moment, because a start can be stopped too, until the very end:
/// a repeated signal must not cut a stop short.
/// </summary>
internal static class StopSignal
{
    /// <summary>From the signal to the end of the process, less a moment for the runtime itself.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(8.5);

    private static readonly CancellationTokenSource Source = new();
    private static readonly List<PosixSignalRegistration> Registrations = [];
    private static long _requestedAt;

    /// <returns>Cancelled when somebody asked us to stop.</returns>
    public static CancellationToken Listen()
    {
        Registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, Request));
        Registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, Request));
        return Source.Token;
    }

    /// <summary>What is left for stopping; all of it while nobody has asked for it.</summary>
    public static TimeSpan TimeLeft() =>
        Volatile.Read(ref _requestedAt) is 0 ? Limit : Limit - Stopwatch.GetElapsedTime(Volatile.Read(ref _requestedAt));

    private static void Request(PosixSignalContext context)
    {
        context.Cancel = true; // the default would end the process at once
        Interlocked.CompareExchange(ref _requestedAt, Stopwatch.GetTimestamp(), 0);
        Source.Cancel();
    }
}
