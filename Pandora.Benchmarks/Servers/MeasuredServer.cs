using System.Globalization;
using Pandora.Benchmarks.Machine;

namespace Pandora.Benchmarks.Servers;

/// <summary>A server that calls are sent to, and what it says about itself.</summary>
internal sealed class MeasuredServer : IAsyncDisposable
{
    private readonly Child _child;

    private MeasuredServer(Child child, int port, string connectionString)
    {
        _child = child;
        Port = port;
        ConnectionString = connectionString;
    }

    /// <summary>Of gRPC, on the loopback interface.</summary>
    public int Port { get; }

    /// <summary>Of its database. "": it has none.</summary>
    public string ConnectionString { get; }

    public int Pid => _child.Pid;

    public long ResidentBytes => ProcessFigures.ResidentBytes(Pid);

    public long PeakResidentBytes => ProcessFigures.PeakResidentBytes(Pid);

    public static async Task<MeasuredServer> StartAsync(
        string task, CancellationToken ct, params (string Name, string Value)[] variables)
    {
        var child = Child.Start(task, variables);
        try
        {
            var ready = (await child.ReplyAsync(ct)).Split(' ', 2);
            return new MeasuredServer(child, int.Parse(ready[0], CultureInfo.InvariantCulture), ready[1]);
        }
        catch
        {
            await child.DisposeAsync();
            throw;
        }
    }

    /// <summary>Since its start.</summary>
    public async Task<long> AllocatedBytesAsync(CancellationToken ct) =>
        long.Parse(await _child.AskAsync(ServedNode.AskAllocated, ct), CultureInfo.InvariantCulture);

    /// <summary>What a sink says; see <see cref="SinkServer.AskExports"/>.</summary>
    public async Task<IReadOnlyList<int>> ExportsAsync(CancellationToken ct) =>
        [.. (await _child.AskAsync(SinkServer.AskExports, ct)).Split(' ').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];

    public ValueTask DisposeAsync() => _child.DisposeAsync();
}
