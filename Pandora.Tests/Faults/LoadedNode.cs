using Npgsql;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Faults;

/// <summary>A database server of its own, a node on it in this process, and callers that keep it busy.</summary>
internal sealed class LoadedNode : IAsyncDisposable
{
    public const long Quota = 10_000_000;
    private const int Callers = 16;

    private readonly CancellationTokenSource _enough = new();
    private readonly CancellationTokenSource _giveUp = new();
    private Task _load = Task.CompletedTask;

    private LoadedNode(OwnServer server, TestNode node, CutProxy? proxy, Load load)
    {
        Server = server;
        Node = node;
        Proxy = proxy!;
        Load = load;
    }

    public OwnServer Server { get; }

    public TestNode Node { get; }

    /// <summary>Between node and server, if it was asked for.</summary>
    public CutProxy Proxy { get; }

    public Load Load { get; }

    /// <param name="behindProxy">Whether the node reaches the server by way of a <see cref="CutProxy"/>.</param>
    public static async Task<LoadedNode> StartAsync(int seed, bool behindProxy = false, bool flushes = true)
    {
        var server = await OwnServer.StartAsync(flushes);
        var proxy = behindProxy ? new CutProxy(server.Socket, seed) : null;
        var connectionString = proxy is null
            ? server.ConnectionString
            : new NpgsqlConnectionStringBuilder(server.ConnectionString) { Host = "127.0.0.1", Port = proxy.Port }.ConnectionString;
        var node = await TestNode.StartAsync(connectionString);
        var load = new Load(await new Scenario(node).SubscriptionAsync(Quota), Callers, seed);
        load.MoveTo(node.GrpcAddress);
        var loaded = new LoadedNode(server, node, proxy, load);
        loaded._load = load.RunAsync(loaded._enough.Token, loaded._giveUp.Token);
        await load.AnsweredAsync(100);
        return loaded;
    }

    /// <summary>Faults go on until so many connections were cut.</summary>
    /// <param name="limit">Every cut costs some time; more than this together is too much.</param>
    public async Task CutAsync(int count, TimeSpan limit, params (CutKind Kind, int PerThousand)[] faults)
    {
        Proxy.Spoil(faults);
        await Eventually.HoldsAsync(
            $"{count} cuts", () => Task.FromResult(Proxy.Cuts >= count), limit, () => $"{Proxy.Cuts} were");
        Proxy.Spoil();
    }

    /// <summary>After a fault: every caller is served again in time, and then the books are proved.</summary>
    public async Task RecoverAndProveAsync()
    {
        await Load.AnsweredAgainAsync(FaultSuite.RecoveryLimit);
        await _enough.CancelAsync();
        await _load;
        await Load.ExpectProvenAsync(Server.ConnectionString, Quota, refusedLeaveNothing: true);
    }

    public async ValueTask DisposeAsync()
    {
        await _enough.CancelAsync();
        await _giveUp.CancelAsync();
        await _load.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Node.DisposeAsync();
        if (Proxy is not null)
        {
            await Proxy.DisposeAsync();
        }
        await Server.DisposeAsync();
        _enough.Dispose();
        _giveUp.Dispose();
    }
}
