using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Npgsql;
using Pandora.Core.ApiKeys;
using Pandora.Core.Auth;
using Pandora.Core.Clients;
using Pandora.Core.Environments;
using Pandora.Core.Gate;
using Pandora.Core.Health;
using Pandora.Core.OpenApi;
using Pandora.Core.Persistence;
using Pandora.Core.Projects;
using Pandora.Core.Requests;
using Pandora.Core.Rest;
using Pandora.Core.Rpc;
using Pandora.Core.Security;
using Pandora.Core.Services;
using Pandora.Core.Settings;
using Pandora.Core.Telemetry;
using Pandora.Core.Transport;
using Pandora.ServiceDefaults;

namespace Pandora.Core;

/// <summary>One node: both listeners and everything behind them, on a database that is migrated.</summary>
internal static class PandoraNode
{
    // Enough for a gigabyte a second within a data centre; all of it can be unread in each connection.
    private const int InitialWindowBytes = 262_144;

    /// <summary>
    /// Of one request or call, and of one name or value. More than any call may have, because Kestrel ends the connection of one
    /// with twice as much, or with a larger value: up to there it costs its own call alone. Clients are told, but not all mind
    /// it. Each connection keeps three buffers that may grow to this, and each call that waits to be looked at its headers.
    /// </summary>
    private const int MaxHeaderBytes = 524_288;

    // As with their bytes: up to twice as many cost their own call alone.
    private const int MaxHeaders = 2000;

    /// <summary>How much of a connection is read ahead; not less than its headers.</summary>
    private const int ReadAheadBytes = MaxHeaderBytes;

    private static readonly TimeSpan HeadersLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(60);

    /// <param name="database">One that can be reached and is migrated.</param>
    /// <param name="adjust">For tests: a clock of their own, for example.</param>
    /// <param name="telemetry">Of the process; null in one that exports nothing.</param>
    /// <exception cref="StartRefusedException">The process may have too few descriptors.</exception>
    public static WebApplication Build(
        PandoraSettings settings,
        DatabaseAddress database,
        Action<WebApplicationBuilder>? adjust = null,
        TelemetryExport? telemetry = null)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            // Not the working directory, which may hold somebody else's appsettings.json; and no watching of files.
            ContentRootPath = AppContext.BaseDirectory,
            Args = ["--hostBuilder:reloadConfigOnChange=false"],
        });
        builder.AddServiceDefaults(telemetry);
        builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, settings));
        builder.WebHost.UseSetting(WebHostDefaults.ServerUrlsKey, "").UseSetting(WebHostDefaults.HttpPortsKey, "");
        // Platforms switch on forwarded headers and host filtering for every ASP.NET Core program. With the one, any caller
        // could choose the address its failures count for (who may is set by PANDORA_TRUSTED_PROXIES); the other would end
        // calls of proxies and meshes.
        builder.Services.RemoveAll<IStartupFilter>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = NodeLifetime.StopLimit);

        builder.Services.AddSingleton(settings);
        builder.Services.AddSingleton<NodeMeters>();
        builder.Services.AddSingleton<CallWatch>();
        // Now, before anything is agreed on in the database: the process may have too few descriptors to serve anybody.
        var connections = ConnectionLimit.OfProcess(DatabaseConnection.MostConnections(database));
        builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<Connections>(services, connections));
        builder.Services.RemoveAll<IConnectionListenerFactory>();
        builder.Services.AddSingleton<SocketTransportFactory>();
        builder.Services.AddSingleton<IConnectionListenerFactory, Listeners>();
        builder.Services.AddPersistence(database);
        // Its retries would refuse the transactions that handlers begin, and outlast the 8 s; its spans and metrics exist already.
        builder.EnrichNpgsqlDbContext<PandoraDb>(postgres =>
        {
            postgres.DisableRetry = true;
            postgres.DisableHealthChecks = true;
            postgres.DisableTracing = true;
            postgres.DisableMetrics = true;
        });
        builder.Services.AddHealth(diskOf: settings.Database is DatabaseSettings.Embedded ? settings.DataDirectory : null);
        builder.Services.AddRest(settings);
        builder.Services.AddApiDocument();
        builder.Services.AddSecurity();
        builder.Services.AddGate(database);
        builder.Services.AddRpc();

        adjust?.Invoke(builder);

        var app = builder.Build();
        RefusedHeaders.DropThoseOf(app.Services.GetRequiredService<DiagnosticListener>());
        app.UseRpc();
        if (telemetry is { IsOn: true })
        {
            app.UseRequestSpans();
        }
        app.WarnOfUntrustedProxies(settings);
        app.UseForwardingProxies(settings);
        app.UseRest(settings);
        app.UseSecurity();
        MapRooms(app.MapApi());
        app.UseApiDocument();
        return app;
    }

    /// <summary>Agrees with the other nodes on what must be settled before the ports are bound.</summary>
    /// <param name="print">Gets the credentials of a first start, in one call.</param>
    /// <exception cref="StartRefusedException">The operator has to mend something first.</exception>
    public static async Task PrepareAsync(this WebApplication node, Action<string> print, CancellationToken ct)
    {
        await node.Services.GetRequiredService<DatabaseClock>().ReadAsync(node.Services.GetRequiredService<NpgsqlDataSource>(), ct);
        await node.Services.GetRequiredService<SecurityStart>().RunAsync(print, ct);
    }

    private static void MapRooms(IEndpointRouteBuilder api)
    {
        api.MapGroup("").AllowAnonymous().MapHealth();
        api.MapAuth();
        var administration = api.MapGroup("").RequireAuthorization(Policies.Administrator);
        administration.MapServices();
        administration.MapClients();
        administration.MapProjects();
        administration.MapEnvironments();
        administration.MapApiKeys();
        administration.MapRequests();
        api.MapReveal();
    }

    private static void Listen(KestrelServerOptions kestrel, PandoraSettings settings)
    {
        kestrel.AddServerHeader = false;
        kestrel.AllowAlternateSchemes = true; // behind a proxy that ends TLS, calls say https
        kestrel.RequestHeaderEncodingSelector = HostNames.For;
        kestrel.Limits.MaxRequestBodySize = null; // REST counts for itself, and gRPC the bytes of each message
        kestrel.Limits.MaxRequestBufferSize = ReadAheadBytes;
        kestrel.Limits.MaxRequestHeadersTotalSize = MaxHeaderBytes;
        kestrel.Limits.MaxRequestHeaderCount = MaxHeaders;
        kestrel.Limits.Http2.MaxRequestHeaderFieldSize = MaxHeaderBytes;
        kestrel.Limits.RequestHeadersTimeout = HeadersLimit;
        kestrel.Limits.Http2.MaxStreamsPerConnection = ConnectionLimit.CallsOfProcess();
        kestrel.Limits.Http2.InitialConnectionWindowSize = InitialWindowBytes;
        kestrel.Limits.Http2.InitialStreamWindowSize = InitialWindowBytes;
        kestrel.Limits.Http2.KeepAlivePingDelay = PingEvery;
        var connections = kestrel.ApplicationServices.GetRequiredService<Connections>();
        ListenOn(settings.HttpPort, HttpProtocols.Http1, TimeSpan.Zero);
        ListenOn(settings.GrpcPort, HttpProtocols.Http2, settings.GrpcMaxConnectionAge);

        void ListenOn(int port, HttpProtocols protocols, TimeSpan maxAge)
        {
            if (settings.ListenAddress.Equals(IPAddress.IPv6Any))
            {
                kestrel.ListenAnyIP(port, Configure); // IPv4 alone where there is no IPv6
            }
            else
            {
                kestrel.Listen(settings.ListenAddress, port, Configure);
            }

            void Configure(ListenOptions listener)
            {
                listener.Protocols = protocols;
                listener.Use(connections.Watch(maxAge));
            }
        }
    }
}
