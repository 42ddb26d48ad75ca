using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Pandora.Benchmarks.Load;

/// <summary>Waits for a socket with a limit finer than a millisecond, which the framework's own wait is rounded to.</summary>
internal static class SocketWait
{
    private const short CanBeRead = 1;
    private const int NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Whether something can be read.</summary>
    public static bool ForData(Socket socket, TimeSpan limit)
    {
        var nanoseconds = Math.Max(0, (long)limit.TotalNanoseconds);
        var descriptor = new PollDescriptor { Handle = (int)socket.Handle, Events = CanBeRead };
        var timeout = new TimeSpec
        {
            Seconds = (nint)(nanoseconds / NanosecondsPerSecond),
            Nanoseconds = (nint)(nanoseconds % NanosecondsPerSecond),
        };
        return ppoll(ref descriptor, 1, ref timeout, 0) > 0;
    }

    [DllImport("libc")]
    private static extern int ppoll(ref PollDescriptor descriptors, nuint count, ref TimeSpec timeout, nint signals);

    private struct PollDescriptor
    {
        public int Handle;
        public short Events;
        public short Returned;
    }

    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
