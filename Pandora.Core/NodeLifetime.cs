using System.Net.Sockets;
using Pandora.Core.Settings;

namespace Pandora.Core;

/// <summary>The life of a built node: bind, serve, drain.</summary>
internal static class NodeLifetime
{
    /// <summary>Binds both ports, or none.</summary>
    /// <exception cref="StartRefusedException">One of them cannot be bound.</exception>
    public static async Task ListenAsync(this WebApplication node, CancellationToken ct)
    {
        try
        {
            await node.StartAsync(ct);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            var settings = node.Services.GetRequiredService<PandoraSettings>();
            var fault = (e.GetBaseException() as SocketException)?.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => "is already in use",
                SocketError.AccessDenied => "needs more rights than this user has",
                _ => $"cannot be bound ({e.GetBaseException().Message.ReplaceLineEndings(" ")})",
            };
            throw new StartRefusedException(CanBind(settings, settings.HttpPort)
                ? $"PANDORA_GRPC_PORT {settings.GrpcPort} {fault}."
                : $"PANDORA_HTTP_PORT {settings.HttpPort} {fault}.");
        }
    }

    /// <summary>Serves until asked to stop or until the database is lost, then drains.</summary>
    /// <param name="databaseLost">Completes when nothing can bring the database back.</param>
    /// <returns>The process's exit code.</returns>
    public static async Task<int> ServeAsync(this WebApplication node, Task databaseLost, CancellationToken stop)
    {
        using var _ = stop.Register(node.Lifetime.StopApplication);
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var __ = node.Lifetime.ApplicationStopping.Register(() => stopped.TrySetResult());
        var reason = await Task.WhenAny(stopped.Task, databaseLost);

        await node.StopAsync(CancellationToken.None); // bounded by its own limits
        return reason == databaseLost ? 1 : 0;
    }

    /// <summary>Kestrel's fault names no port when it is about rights, so ask again.</summary>
    private static bool CanBind(PandoraSettings settings, int port)
    {
        try
        {
            using var listener = new TcpListener(settings.ListenAddress, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
