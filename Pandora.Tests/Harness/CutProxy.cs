using System.Net;
using System.Net.Sockets;

namespace Pandora.Tests.Harness;

/// <summary>What may befall a message on its way to the database.</summary>
internal enum CutKind
{
    None,

    /// <summary>It never arrives; both sides notice.</summary>
    Before,

    /// <summary>It arrives, its answer does not; both sides notice.</summary>
    After,

    /// <summary>Likewise, but the database goes on believing that somebody listens.</summary>
    OneSided,

    /// <summary>It arrives; nothing ever comes back, and neither side notices.</summary>
    Silence,

    /// <summary>Its answer takes its time.</summary>
    Delay,
}

/// <summary>
/// Stands between a node and its database, on a loopback port, and spoils the line between them when told to. What
/// happens to which message follows from the seed and the order of the messages.
/// </summary>
internal sealed class CutProxy : IAsyncDisposable
{
    private const int LongestDelayMilliseconds = 50;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly string _socket;
    private readonly Random _random;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _end = new();
    private readonly List<Task> _lines = [];
    private readonly Task _accepting;
    private Dictionary<CutKind, int> _perThousand = [];
    private int _cuts;

    /// <param name="socket">Of the database server.</param>
    public CutProxy(string socket, int seed)
    {
        _socket = socket;
        _random = new Random(seed);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>How many connections were cut or silenced so far.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    /// <summary>From now on this befalls so many of a thousand messages, each kind for itself. Nothing: peace.</summary>
    public void Spoil(params (CutKind Kind, int PerThousand)[] faults)
    {
        lock (_lock)
        {
            _perThousand = faults.ToDictionary(fault => fault.Kind, fault => fault.PerThousand);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_lines);
        _end.Dispose();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                var client = await _listener.AcceptSocketAsync(_end.Token);
                _lines.Add(ServeAsync(client));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket client)
    {
        client.NoDelay = true;
        var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var line = new Line(client, server);
        try
        {
            await server.ConnectAsync(new UnixDomainSocketEndPoint(_socket), _end.Token);
            await Task.WhenAll(ForwardAsync(line), AnswerAsync(line));
        }
        catch (Exception e) when (IsEnd(e))
        {
            // The database refuses connections, or the test is over.
        }
        finally
        {
            client.Dispose();
            server.Dispose();
        }
    }

    private async Task ForwardAsync(Line line)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await line.Client.ReceiveAsync(buffer, _end.Token) is > 0 and var count)
            {
                var kind = Draw();
                if (kind == CutKind.Before)
                {
                    break;
                }
                line.IsMute |= kind is CutKind.After or CutKind.OneSided or CutKind.Silence;
                line.DelayMilliseconds = kind == CutKind.Delay ? DrawDelay() : 0;
                line.IsDeaf |= kind is CutKind.OneSided or CutKind.Silence;
                await SendAsync(line.Server, buffer.AsMemory(0, count));
                if (kind is CutKind.After or CutKind.OneSided)
                {
                    break;
                }
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // One of the sides is gone.
        }
        line.Client.Dispose();
        if (line.IsDeaf)
        {
            await line.ServerGone.Task;
        }
        line.Server.Dispose();
    }

    private async Task AnswerAsync(Line line)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await line.Server.ReceiveAsync(buffer, _end.Token) is > 0 and var count)
            {
                if (line.DelayMilliseconds is > 0 and var delay)
                {
                    await Task.Delay(delay, _end.Token);
                }
                if (!line.IsMute)
                {
                    await SendAsync(line.Client, buffer.AsMemory(0, count));
                }
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // Likewise.
        }
        line.ServerGone.TrySetResult();
        if (!line.IsMute)
        {
            line.Client.Dispose();
        }
        line.Server.Dispose();
    }

    private async Task SendAsync(Socket to, ReadOnlyMemory<byte> message)
    {
        while (message.Length > 0)
        {
            message = message[await to.SendAsync(message, _end.Token)..];
        }
    }

    private CutKind Draw()
    {
        lock (_lock)
        {
            var drawn = _random.Next(1000);
            foreach (var (kind, share) in _perThousand)
            {
                drawn -= share;
                if (drawn < 0)
                {
                    _cuts += kind == CutKind.Delay ? 0 : 1;
                    return kind;
                }
            }
            return CutKind.None;
        }
    }

    private int DrawDelay()
    {
        lock (_lock)
        {
            return _random.Next(1, LongestDelayMilliseconds);
        }
    }

    private static bool IsEnd(Exception e) =>
        e is SocketException or ObjectDisposedException or OperationCanceledException or IOException;

    /// <summary>One connection.</summary>
    private sealed class Line(Socket client, Socket server)
    {
        public TaskCompletionSource ServerGone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Socket Client => client;

        public Socket Server => server;

        /// <summary>Nothing that the database says reaches the node any more.</summary>
        public bool IsMute { get; set; }

        /// <summary>The database never learns that the node is gone.</summary>
        public bool IsDeaf { get; set; }

        public int DelayMilliseconds { get; set; }
    }
}
