using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http.Features;

namespace Pandora.Core.Rpc;

/// <summary>
/// The web server, with gRPC answered in front of the host. What the host does around a request (activities, two
/// measurements, events) is made for requests of milliseconds: with listeners it is about 1 kB of memory and 4 µs of a
/// processor a call, as much as all else that the server does for one. Calls have telemetry of their own.
/// </summary>
internal sealed class GrpcServer(IServer server, GrpcDispatcher dispatcher) : IServer, IAsyncDisposable
{
    public IFeatureCollection Features => server.Features;

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull =>
        server.StartAsync(new Application<TContext>(application, dispatcher), cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => server.StopAsync(cancellationToken);

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

    /// <summary>Tells HTTP/2, which is gRPC's, from what the host serves.</summary>
    private sealed class Application<TContext>(IHttpApplication<TContext> host, GrpcDispatcher dispatcher)
        : IHttpApplication<Exchange<TContext>>
        where TContext : notnull
    {
        public Exchange<TContext> CreateContext(IFeatureCollection contextFeatures)
        {
            var exchange = ReusedOrNew(contextFeatures);
            exchange.IsCall = HttpProtocol.IsHttp2(contextFeatures.GetRequiredFeature<IHttpRequestFeature>().Protocol);
            if (exchange.IsCall)
            {
                exchange.Call ??= new DefaultHttpContext();
                exchange.Call.Initialize(contextFeatures);
            }
            else
            {
                exchange.Request = host.CreateContext(contextFeatures);
            }
            return exchange;
        }

        public Task ProcessRequestAsync(Exchange<TContext> context) =>
            context.IsCall ? dispatcher.ServeAsync(context.Call!) : host.ProcessRequestAsync(context.Request!);

        public void DisposeContext(Exchange<TContext> context, Exception? exception)
        {
            if (context.IsCall)
            {
                context.Call!.Uninitialize();
            }
            else
            {
                host.DisposeContext(context.Request!, exception);
                context.Request = default;
            }
        }

        /// <summary>Servers keep a place for it with what they reuse, a stream for example.</summary>
        private static Exchange<TContext> ReusedOrNew(IFeatureCollection features) =>
            features is IHostContextContainer<Exchange<TContext>> place
                ? place.HostContext ??= new Exchange<TContext>()
                : new Exchange<TContext>();
    }

    /// <summary>One request, of either kind.</summary>
    private sealed class Exchange<TContext>
    {
        public bool IsCall { get; set; }

        public DefaultHttpContext? Call { get; set; }

        public TContext? Request { get; set; }
    }
}
