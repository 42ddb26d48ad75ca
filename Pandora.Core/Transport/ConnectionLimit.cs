using Pandora.Core.Settings;

namespace Pandora.Core.Transport;

/// <summary>
/// How many connections a node serves at once, on both ports together. A process that runs out of descriptors is ended by
/// its runtime, one that runs out of memory by the kernel; a connection too many is only refused.
/// </summary>
internal static class ConnectionLimit
{
    /// <summary>For the process itself when it has done everything once: nearly all are assemblies, which take two each.</summary>
    private const int ForProcess = 360;

    /// <summary>For files, pipes and sockets that come and go.</summary>
    private const int SpareDescriptors = 40;

    /// <summary>Fewer serve nobody.</summary>
    private const int Fewest = 32;

    /// <summary>
    /// What a connection can make the process hold without a call: the decoder's three buffers for headers, the headers that
    /// are being read, as texts, what is read ahead, and the bodies that its window lets through.
    /// </summary>
    private const long BytesOfConnection = 3_407_872;

    /// <summary>What a call that is open takes, in the listener and its pipes, even if it is refused.</summary>
    private const long BytesOfCall = 18_432;

    /// <summary>All connections together may take this part of the memory.</summary>
    private const int PartOfMemory = 2;

    /// <summary>With fewer, services with little memory to spare for us would shut each other out.</summary>
    private const int FewestByMemory = 96;

    private const int FewestCalls = 100;
    private const int MostCalls = 200;
    private const long MemoryForCall = 40 * 1_048_576;

    /// <summary>How many calls a connection may have open at once.</summary>
    public static int CallsOfProcess() => CallsOfEach(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    /// <inheritdoc cref="CallsOfProcess"/>
    /// <param name="memory">In bytes, of the machine or container.</param>
    internal static int CallsOfEach(long memory) => (int)Math.Clamp(memory / MemoryForCall, FewestCalls, MostCalls);

    /// <param name="databaseConnections">How many the node may open.</param>
    /// <exception cref="StartRefusedException">The limit of descriptors leaves too few.</exception>
    public static int OfProcess(int databaseConnections) =>
        From(OpenFiles.Limit(), ForProcess + databaseConnections + SpareDescriptors, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    /// <param name="descriptors">How many the process may have. Null: any number.</param>
    /// <param name="needed">How many of them are not for callers.</param>
    /// <param name="memory">In bytes, of the machine or container.</param>
    /// <exception cref="StartRefusedException">The limit of descriptors leaves too few.</exception>
    internal static int From(int? descriptors, int needed, long memory)
    {
        if (descriptors < needed + Fewest)
        {
            throw new StartRefusedException(
                $"The limit of open files is {descriptors}, and a node needs at least {needed + Fewest}; raise it (ulimit -n, LimitNOFILE= of systemd, ulimits: nofile of a container), best to 65536.");
        }
        var forEach = BytesOfConnection + (CallsOfEach(memory) * BytesOfCall);
        var byMemory = Math.Clamp(memory / PartOfMemory / forEach, FewestByMemory, int.MaxValue);
        return (int)Math.Min(byMemory, descriptors - needed ?? int.MaxValue);
    }
}
