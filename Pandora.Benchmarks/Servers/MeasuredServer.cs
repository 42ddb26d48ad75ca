using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Pandora.Benchmarks.Machine;

namespace Pandora.Benchmarks.Servers;

/// <summary>A server that calls are sent to, and what it says about itself.</summary>
internal sealed class MeasuredServer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(50);

    private readonly Child _child;

    private MeasuredServer(Child child, int port, int? storePid)
    {
        _child = child;
        Port = port;
        StorePid = storePid;
    }

    /// <summary>Of gRPC, on the loopback interface.</summary>
    public int Port { get; }

    /// <summary>The process that keeps its data, if the server started one itself.</summary>
    public int? StorePid { get; }

    public int Pid => _child.Pid;

    public long ResidentBytes => ProcessFigures.ResidentBytes(Pid);

    public long PeakResidentBytes => ProcessFigures.PeakResidentBytes(Pid);

    /// <summary>Starts this program with a task.</summary>
    public static async Task<MeasuredServer> StartAsync(
        string task, CancellationToken ct, params (string Name, string Value)[] variables)
    {
        var child = Child.Start(task, variables);
        try
        {
            var ready = (await child.ReplyAsync(ct)).Split(' ');
            return new MeasuredServer(child, Number(ready[0]), ready is [_, { Length: > 0 } store] ? Number(store) : null);
        }
        catch
        {
            await child.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a build of the product on a database, as its own program starts it, and waits until it serves.</summary>
    /// <param name="build">See <see cref="Child.StartProduct"/>.</param>
    /// <param name="directory">Its <c>PANDORA_DIR</c>.</param>
    public static async Task<MeasuredServer> StartProductAsync(
        string build, string directory, string connectionString, CancellationToken ct, params (string Name, string Value)[] variables)
    {
        var (http, grpc) = (FreePort(), FreePort());
        var child = Child.StartProduct(
            build,
            [
                ("PANDORA_DIR", directory),
                ("PANDORA_HTTP_PORT", Text(http)),
                ("PANDORA_GRPC_PORT", Text(grpc)),
                ("ConnectionStrings__pandora", connectionString),
                .. variables,
            ]);
        try
        {
            await ServesAsync(child, new Uri($"http://127.0.0.1:{Text(http)}/api/v1/health"), ct);
            return new MeasuredServer(child, grpc, storePid: null);
        }
        catch
        {
            await child.DisposeAsync();
            throw;
        }
    }

    /// <summary>Since its start.</summary>
    public async Task<long> AllocatedBytesAsync(CancellationToken ct) =>
        long.Parse(await _child.AskAsync(ChildLines.AskAllocated, ct), CultureInfo.InvariantCulture);

    /// <summary>Numbers that the server answers a question with; see its task.</summary>
    public async Task<IReadOnlyList<long>> NumbersAsync(string question, CancellationToken ct) =>
        [.. (await _child.AskAsync(question, ct)).Split(' ').Select(number => long.Parse(number, CultureInfo.InvariantCulture))];

    public ValueTask DisposeAsync() => _child.DisposeAsync();

    private static async Task ServesAsync(Child child, Uri health, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(StartLimit);
        using var client = new HttpClient();
        while (!await IsHealthyAsync(client, health, limit.Token))
        {
            child.ExpectRunning();
            await Task.Delay(BetweenLooks, limit.Token);
        }
    }

    private static async Task<bool> IsHealthyAsync(HttpClient client, Uri health, CancellationToken ct)
    {
        try
        {
            using var answer = await client.GetAsync(health, ct);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false; // nobody listens yet
        }
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
