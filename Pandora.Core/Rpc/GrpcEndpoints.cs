using Microsoft.AspNetCore.Hosting.Server;
using Pandora.Core.Telemetry;

namespace Pandora.Core.Rpc;

/// <summary>The gRPC side of a node: its services, and who answers them.</summary>
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
    /// Answers HTTP/2 requests before the host sees them; the pipeline serves the others. To be called when all other
    /// services are registered.
    /// </summary>
    public static IServiceCollection AnswerGrpcFirst(this IServiceCollection services)
    {
        var server = services.Last(service => service.ServiceType == typeof(IServer)).ImplementationType!;
        return services.AddSingleton<IServer>(provider => new GrpcServer(
            (IServer)ActivatorUtilities.CreateInstance(provider, server), provider.GetRequiredService<GrpcDispatcher>()));
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
