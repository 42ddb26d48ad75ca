using Grpc.AspNetCore.Server;

namespace Pandora.Core.Rpc;

/// <summary>One object of a service for all calls: none keeps anything of a call, and a scope for each would cost more than the rest of the binding.</summary>
internal sealed class SingletonActivator<T>(IServiceProvider services) : IGrpcServiceActivator<T>
    where T : class
{
    private readonly GrpcActivatorHandle<T> _handle =
        new(ActivatorUtilities.GetServiceOrCreateInstance<T>(services), created: false, state: null);

    public GrpcActivatorHandle<T> Create(IServiceProvider serviceProvider) => _handle;

    public ValueTask ReleaseAsync(GrpcActivatorHandle<T> service) => ValueTask.CompletedTask;
}
