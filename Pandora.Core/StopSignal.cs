using System.Runtime.InteropServices;

namespace Pandora.Core;

/// <summary>SIGTERM and SIGINT (Ctrl-C), from the first moment on: also a start can be stopped. Signals may repeat.</summary>
internal sealed class StopSignal : IDisposable
{
    private readonly CancellationTokenSource _requested = new();
    private readonly PosixSignalRegistration[] _registrations;

    public StopSignal()
    {
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Request),
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Request),
        ];
    }

    /// <summary>Cancelled when somebody asked us to stop.</summary>
    public CancellationToken Requested => _requested.Token;

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }
        _requested.Dispose();
    }

    private void Request(PosixSignalContext context)
    {
        context.Cancel = true; // the default would end the process at once
        _requested.Cancel();
    }
}
