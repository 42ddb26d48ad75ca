using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace Pandora.Core;

/// <summary>
/// The web server with a stop limit of its own. The host has one limit for everything; if slow callers used it up,
/// background work would be cut off instead of ended.
/// </summary>
internal sealed class DrainingServer(IServer server, TimeSpan limit) : IServer, IAsyncDisposable
{
    public IFeatureCollection Features => server.Features;

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull =>
        server.StartAsync(application, cancellationToken);

    /// <summary>No new connections, no new calls on open ones; running calls end or are cancelled.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        using var draining = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        draining.CancelAfter(limit);
        await server.StopAsync(draining.Token);
    }

    public void Dispose() => server.Dispose();

    public ValueTask DisposeAsync()
    {
        if (server is IAsyncDisposable disposable)
        {
            return disposable.DisposeAsync();
        }
        server.Dispose();
        return ValueTask.CompletedTask;
    }
}
