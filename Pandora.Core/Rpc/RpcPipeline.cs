using Google.Rpc;
using Grpc.AspNetCore.Server.Model;
using Grpc.Reflection;
using Grpc.Reflection.V1Alpha;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Pandora.Protos.ApiKey.V1;
using Pandora.Protos.Request.V1;
using Pandora.Protos.Reservation.V1;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Pandora.Core.Rpc;

/// <summary>The gRPC side of a node: the product's services, health and reflection.</summary>
internal static class RpcPipeline
{
    /// <summary>Largest message accepted, before and after decompression.</summary>
    public const int MaxMessageBytes = 4_194_304;

    /// <summary>
    /// How often health is looked at for those who watch it. With the five seconds that a look may take, a change is seen
    /// within seven; ten are promised.
    /// </summary>
    private static readonly TimeSpan HealthInterval = TimeSpan.FromSeconds(2);

    private static readonly ServiceDescriptor[] Own =
        [ApiKeyReflection.Descriptor.Services[0], RequestReflection.Descriptor.Services[0], ReservationReflection.Descriptor.Services[0]];

    public static void AddRpc(this IServiceCollection services)
    {
        services.AddSingleton<CallFaults>();
        services.AddSingleton(OpenCalls.OfNode());
        services.AddSingleton<ApiKeyService>();
        services.AddSingleton<RequestService>();
        services.AddSingleton<ReservationService>();
        services.AddGrpc(options =>
        {
            options.MaxReceiveMessageSize = MaxMessageBytes;
            options.CompressionProviders = [new LimitedGzip(MaxMessageBytes)];
            options.IgnoreUnknownServices = true; // CallFilter answers for them
        });
        services.AddGrpcHealthChecks(health =>
        {
            foreach (var service in Own)
            {
                health.Services.Map(service.FullName, _ => true);
            }
        });
        services.Configure<HealthCheckPublisherOptions>(publisher => (publisher.Delay, publisher.Period) = (TimeSpan.Zero, HealthInterval));
        AddReflection(services);
        services.RemoveAll(typeof(IServiceMethodProvider<>));
        services.AddSingleton(typeof(IServiceMethodProvider<>), typeof(KnownFieldsOnly<>));
    }

    /// <summary>Answers all HTTP/2 requests; what is added to the pipeline afterwards sees only HTTP/1.1, which is REST's.</summary>
    public static void UseRpc(this WebApplication app)
    {
        var routes = new Routes(app.Services);
        Map<ApiKeyService>();
        Map<RequestService>();
        Map<ReservationService>();
        routes.MapGrpcHealthChecksService();
        routes.MapGrpcReflectionService();
        var filter = ActivatorUtilities.CreateInstance<CallFilter>(app.Services, routes.DataSources.SelectMany(source => source.Endpoints));
        app.Use(next => context => HttpProtocol.IsHttp2(context.Request.Protocol) ? filter.ServeAsync(context) : next(context));

        void Map<TService>()
            where TService : class
        {
            app.Services.GetRequiredService<TService>(); // made now: its instruments are there before its first call
            routes.MapGrpcService<TService>();
        }
    }

    /// <summary>
    /// Knows the details of a status too, which are no part of any method. The library would look for services among the
    /// endpoints of REST.
    /// </summary>
    private static void AddReflection(IServiceCollection services)
    {
        ServiceDescriptor[] all =
        [
            .. Own,
            Grpc.Health.V1.Health.Descriptor,
            ServerReflection.Descriptor,
            Grpc.Reflection.V1.ServerReflection.Descriptor,
        ];
        var names = all.Select(service => service.FullName).ToList();
        var symbols = SymbolRegistry.FromFiles(
            [.. all.Select(service => service.File), StatusReflection.Descriptor, ErrorDetailsReflection.Descriptor]);
        services.AddSingleton(new ReflectionServiceImpl(names, symbols));
        services.AddSingleton(new ReflectionV1ServiceImpl(names, symbols));
        services.AddGrpcReflection();
    }

    /// <summary>The endpoints of gRPC, apart from those of REST: neither port answers for the other.</summary>
    private sealed class Routes(IServiceProvider services) : IEndpointRouteBuilder
    {
        public IServiceProvider ServiceProvider => services;

        public ICollection<EndpointDataSource> DataSources { get; } = [];

        public IApplicationBuilder CreateApplicationBuilder() => new ApplicationBuilder(services);
    }
}
