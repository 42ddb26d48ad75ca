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
        RefuseIfNotFree("PANDORA_HTTP_PORT", settings.ListenAddress, settings.HttpPort);
        RefuseIfNotFree("PANDORA_GRPC_PORT", settings.ListenAddress, settings.GrpcPort);
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
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var onStopping = node.Lifetime.ApplicationStopping.Register(() => stopped.TrySetResult());
        await using var onSignal = stop.Register(node.Lifetime.StopApplication);
        var reason = await Task.WhenAny([stopped.Task, .. databaseLost is null ? Array.Empty<Task>() : [databaseLost]]);

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
    private static void RefuseIfNotFree(string variable, IPAddress address, int port)
    {
        try
        {
            Bind(address, port);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressFamilyNotSupported && address.Equals(IPAddress.IPv6Any))
        {
            RefuseIfNotFree(variable, IPAddress.Any, port);
        }
        catch (SocketException e)
        {
            throw new StartRefusedException(e.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => $"{variable}: port {port} is already in use; choose another one, or stop the program that uses it.",
                SocketError.AccessDenied => $"{variable}: the user {Environment.UserName} may not listen on port {port}; choose one above 1023.",
                _ => $"{variable}: port {port} cannot be used: {e.Message}",
            });
        }
    }

    private static void Bind(IPAddress address, int port)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (address.Equals(IPAddress.IPv6Any))
        {
            socket.DualMode = true;
        }
        socket.Bind(new IPEndPoint(address, port));
        socket.Listen();
    }
}
