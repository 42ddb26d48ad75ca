using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Pandora.Tests.Harness;

/// <summary>Speaks HTTP/1.1 byte by byte, also what no client would send.</summary>
internal sealed class RawHttp : IDisposable
{
    private readonly TcpClient _socket;

    private RawHttp(IPAddress from) => _socket = new TcpClient(new IPEndPoint(from, 0)) { NoDelay = true };

    /// <param name="from">Any address of the loopback network, to be another peer. Null: 127.0.0.1.</param>
    public static async Task<RawHttp> ConnectAsync(Uri address, string? from = null)
    {
        var raw = new RawHttp(IPAddress.Parse(from ?? "127.0.0.1"));
        try
        {
            await raw._socket.ConnectAsync(address.Host, address.Port, TestContext.Current.CancellationToken);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Accepted and ended at once; reading will say so.
        }
        return raw;
    }

    /// <summary>Sends a request that asks to close the connection, and reads all that comes back.</summary>
    public static async Task<string> AskAsync(Uri address, string request)
    {
        using var raw = await ConnectAsync(address);
        await raw.SendAsync(request);
        return await raw.ReadToEndAsync();
    }

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    /// <summary>What is sent into a connection that has ended is lost; reading will say so.</summary>
    public async Task SendAsync(byte[] bytes)
    {
        try
        {
            await _socket.GetStream().WriteAsync(bytes, TestContext.Current.CancellationToken);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
        }
    }

    /// <summary>What comes until the other side ends the connection, in whatever way.</summary>
    public async Task<string> ReadToEndAsync()
    {
        using var all = new MemoryStream();
        try
        {
            await _socket.GetStream().CopyToAsync(all, TestContext.Current.CancellationToken);
        }
        catch (IOException)
        {
            // It was reset: what came before counts.
        }
        return Encoding.Latin1.GetString(all.ToArray());
    }

    /// <summary>The first bytes that come; "" when the other side ends the connection instead.</summary>
    public async Task<string> ReadAsync()
    {
        var buffer = new byte[16_384];
        try
        {
            var read = await _socket.GetStream().ReadAsync(buffer, TestContext.Current.CancellationToken);
            return Encoding.Latin1.GetString(buffer, 0, read);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            return "";
        }
    }

    /// <summary>Ends the connection at once, as a process that is killed does.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        _socket.Close();
    }

    public void Dispose() => _socket.Dispose();
}
