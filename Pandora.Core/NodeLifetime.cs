using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting.Server;
using Pandora.Core.Settings;

namespace Pandora.Core;

/// <summary>The database is gone for good while the node was serving.</summary>
internal sealed class DatabaseLostException() : Exception("The private database ended and did not come back; see the log.");

/// <summary>The life of a built node: bind, serve, drain.</summary>
internal static class NodeLifetime
{
    /// <summary>Draining and the end of background work together.</summary>
    public static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(6.5);

    /// <summary>How long running calls may take to end once we are asked to stop; then they are cancelled.</summary>
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(5);

    /// <summary>Binds both ports, or none.</summary>
    /// <exception cref="StartRefusedException">One of them cannot be bound.</exception>
    public static async Task ListenAsync(this WebApplication node, CancellationToken ct)
    {
        var settings = node.Services.GetRequiredService<PandoraSettings>();
        RefuseIfNotFree("PANDORA_HTTP_PORT", settings.HttpPort);
        RefuseIfNotFree("PANDORA_GRPC_PORT", settings.GrpcPort);
        try
        {
            await node.StartAsync(ct);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new StartRefusedException($"PANDORA_HTTP_PORT or PANDORA_GRPC_PORT cannot be bound: {e.Message}");
        }
    }

    /// <summary>Serves until asked to stop, then drains.</summary>
    /// <param name="databaseLost">Completes when nothing can bring the database back. Null: not ours to watch.</param>
    /// <exception cref="DatabaseLostException">It was lost; the node has stopped.</exception>
    public static async Task ServeAsync(this WebApplication node, Task? databaseLost, CancellationToken stop)
    {
        using var asked = CancellationTokenSource.CreateLinkedTokenSource(stop, node.Lifetime.ApplicationStopping);
        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, asked.Token);
        var reason = await Task.WhenAny(stopped, databaseLost ?? stopped);

        // The host has one limit for everything: if slow callers used it up, background work would be cut off instead of ended.
        using var limit = new CancellationTokenSource(StopLimit);
        using var drainLimit = new CancellationTokenSource(DrainLimit);
        node.Lifetime.StopApplication();
        await node.Services.GetRequiredService<IServer>().StopAsync(drainLimit.Token);
        await node.StopAsync(limit.Token);
        if (reason == databaseLost)
        {
            throw new DatabaseLostException();
        }
    }

    /// <summary>Tries before the host does: its fault would come with a stack trace, and about rights it names no port.</summary>
    private static void RefuseIfNotFree(string variable, int port)
    {
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp); // for both IPv6 and IPv4, or IPv4 alone where there is no IPv6
            socket.Bind(new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, port));
            socket.Listen();
        }
        catch (SocketException e)
        {
            throw new StartRefusedException(e.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => $"{variable}: port {port} is already in use; choose another one, or stop the program that uses it.",
                SocketError.AccessDenied => $"{variable}: the user {RunningUser.Name} may not listen on port {port}; choose one above 1023.",
                _ => $"{variable}: port {port} cannot be used: {e.Message}",
            });
        }
    }
}
