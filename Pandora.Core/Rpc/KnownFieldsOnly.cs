using System.Reflection;
using Google.Protobuf;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace Pandora.Core.Rpc;

/// <summary>
/// Binds a service as the library does by itself, except that its messages are read without the fields that they do not
/// know. Kept, as is the default, these cost fifty times their size: a message of a few kilobytes, compressed, would take
/// hundreds of megabytes.
/// </summary>
internal sealed class KnownFieldsOnly<TService>(IServiceProvider services) : IServiceMethodProvider<TService>
    where TService : class
{
    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<TService> context)
    {
        // It stands on the class that is generated, from which the service derives.
        var (generated, bind) = Ancestors().Select(type => (type, type.GetCustomAttribute<BindServiceMethodAttribute>(inherit: false)))
            .First(pair => pair.Item2 is not null);
        bind!.BindType.GetMethod(bind.BindMethodName, [typeof(ServiceBinderBase), generated])!
            .Invoke(null, [new Binder(context), ActivatorUtilities.GetServiceOrCreateInstance<TService>(services)]);
    }

    private static IEnumerable<Type> Ancestors()
    {
        for (var type = typeof(TService); type is not null; type = type.BaseType)
        {
            yield return type;
        }
    }

    /// <summary>Gets each method from the generated code, and hands it on with another reader.</summary>
    private sealed class Binder(ServiceMethodProviderContext<TService> context) : ServiceBinderBase
    {
        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
            context.AddUnaryMethod(Lean(method), [], (_, request, call) => handler!(request, call));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddServerStreamingMethod(Lean(method), [], (_, request, answers, call) => handler!(request, answers, call));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddClientStreamingMethod(Lean(method), [], (_, requests, call) => handler!(requests, call));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddDuplexStreamingMethod(Lean(method), [], (_, requests, answers, call) => handler!(requests, answers, call));

        private static Method<TRequest, TResponse> Lean<TRequest, TResponse>(Method<TRequest, TResponse> method)
            where TRequest : class
            where TResponse : class
        {
            var parser = ((IMessage)Activator.CreateInstance<TRequest>()).Descriptor.Parser.WithDiscardUnknownFields(true);
            var reader = Marshallers.Create<TRequest>(
                method.RequestMarshaller.ContextualSerializer,
                call => Read<TRequest>(parser, call));
            return new Method<TRequest, TResponse>(method.Type, method.ServiceName, method.Name, reader, method.ResponseMarshaller);
        }

        private static TRequest Read<TRequest>(MessageParser parser, DeserializationContext call)
        {
            try
            {
                return (TRequest)parser.ParseFrom(call.PayloadAsReadOnlySequence());
            }
            catch (InvalidProtocolBufferException e)
            {
                throw GrpcErrors.ToException(GrpcErrors.StatusOf(e));
            }
        }
    }
}
