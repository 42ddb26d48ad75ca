using Pandora.Core.Telemetry;

namespace Pandora.Core.Grpc;

/// <summary>The gRPC side of a node: its services, and the branch of the pipeline that answers them.</summary>
internal static class GrpcEndpoints
{
    public static IServiceCollection AddGrpc(this IServiceCollection services)
    {
        services.AddSingleton<ApiKeyGrpc>();
        services.AddSingleton<RequestGrpc>();
        services.AddSingleton<ReservationGrpc>();
        services.AddSingleton<HealthGrpc>();
        services.AddSingleton(BuildDispatcher);
        return services;
    }

    /// <summary>
    /// Answers HTTP/2 requests here, before everything that serves REST. Must be the first call on the application; and
    /// routing, authentication and authorization must be called by name after it, because the web application puts
    /// those it finds uncalled in front.
    /// </summary>
    public static IApplicationBuilder UseGrpc(this IApplicationBuilder app)
    {
        var dispatcher = app.ApplicationServices.GetRequiredService<GrpcDispatcher>();
        return app.Use(next => context =>
            HttpProtocol.IsHttp2(context.Request.Protocol) ? dispatcher.ServeAsync(context) : next(context));
    }

    private static GrpcDispatcher BuildDispatcher(IServiceProvider provider)
    {
        GrpcService[] own =
        [
            provider.GetRequiredService<ApiKeyGrpc>().Service,
            provider.GetRequiredService<RequestGrpc>().Service,
            provider.GetRequiredService<ReservationGrpc>().Service,
            provider.GetRequiredService<HealthGrpc>().Service,
        ];
        var reflection = new ReflectionGrpc(own, provider.GetRequiredService<IHostApplicationLifetime>());
        return new GrpcDispatcher(
            [.. own.Concat(reflection.Services).SelectMany(service => service.Methods)],
            provider.GetRequiredService<CallWatch>(),
            provider.GetRequiredService<ILogger<GrpcDispatcher>>());
    }
}
