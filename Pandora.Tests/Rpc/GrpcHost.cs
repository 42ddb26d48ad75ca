using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Pandora.Core.Health;
using Pandora.Core.Rpc;
using Pandora.Core.Telemetry;
using Pandora.ServiceDefaults;

namespace Pandora.Tests.Rpc;

/// <summary>
/// The gRPC side on a loopback port without a database: either with methods made up by a test, or with the product's
/// services, whose calls end before they would need the gate.
/// </summary>
internal sealed class GrpcHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private GrpcHost(WebApplication app, ErrorLog errors)
    {
        _app = app;
        Errors = errors.Entries;
        Client = new GrpcClient(new Uri(app.Urls.Single()));
    }

    public GrpcClient Client { get; }

    /// <summary>What was logged as an error or worse.</summary>
    public ConcurrentQueue<string> Errors { get; }

    public static Task<GrpcHost> StartAsync(params GrpcMethod[] methods) =>
        StartAsync(TimeSpan.FromSeconds(30), methods);

    /// <param name="patience">See <see cref="GrpcDispatcher.Patience"/>.</param>
    public static Task<GrpcHost> StartAsync(TimeSpan patience, params GrpcMethod[] methods) =>
        StartAsync(services => services.AddSingleton(provider =>
            new GrpcDispatcher(
                methods, provider.GetRequiredService<CallWatch>(), provider.GetRequiredService<ILogger<GrpcDispatcher>>())
            {
                Patience = patience,
            }));

    public static Task<GrpcHost> StartProductAsync() =>
        StartAsync(services =>
        {
            GrpcEndpoints.AddGrpc(services);
            services.AddSingleton(new ApiKeyGrpc(null!));
            services.AddSingleton(new RequestGrpc(null!));
            services.AddSingleton(new ReservationGrpc(null!, null!, null!));
            services.AddSingleton<HealthProbe>();
            services.AddSingleton(NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Username=nobody;Timeout=1"));
        });

    /// <summary>Begins the orderly stop of the node.</summary>
    public Task StopAsync(CancellationToken ct) => _app.StopAsync(ct);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
    }

    private static async Task<GrpcHost> StartAsync(Action<IServiceCollection> register)
    {
        var errors = new ErrorLog();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(errors);
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http2));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(5));
        builder.Services.AddSingleton(TraceSampling.Default(TimeProvider.System));
        builder.Services.AddSingleton<NodeMeters>();
        builder.Services.AddSingleton<CallWatch>();
        register(builder.Services);
        builder.Services.AnswerGrpcFirst();

        var app = builder.Build();
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new GrpcHost(app, errors);
    }

    private sealed class ErrorLog : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Entries { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                Entries.Enqueue($"{formatter(state, exception)} {exception}");
            }
        }

        public void Dispose()
        {
        }
    }
}
