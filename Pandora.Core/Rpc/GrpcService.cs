using Google.Protobuf;
using Google.Protobuf.Reflection;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Pandora.Core.Rpc;

/// <summary>A service of the proto files with the code behind each of its methods.</summary>
/// <param name="file">Where the service is defined; its only one.</param>
internal sealed class GrpcService(FileDescriptor file)
{
    private readonly List<GrpcMethod> _methods = [];

    public ServiceDescriptor Descriptor { get; } = file.Services.Single();

    public IReadOnlyList<GrpcMethod> Methods => _methods;

    public GrpcService Unary<TRequest, TResponse>(
        string method, MessageParser<TRequest> parser, UnaryHandler<TRequest, TResponse> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        _methods.Add(new UnaryMethod<TRequest, TResponse>(PathOf(method), parser, handler));
        return this;
    }

    public GrpcService ServerStream<TRequest, TResponse>(
        string method, MessageParser<TRequest> parser, ServerStreamHandler<TRequest, TResponse> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        _methods.Add(new ServerStreamMethod<TRequest, TResponse>(PathOf(method), parser, handler));
        return this;
    }

    public GrpcService Stream<TRequest, TResponse>(
        string method, MessageParser<TRequest> parser, StreamHandler<TRequest, TResponse> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        _methods.Add(new StreamMethod<TRequest, TResponse>(PathOf(method), parser, handler));
        return this;
    }

    private string PathOf(string method)
    {
        if (Descriptor.FindMethodByName(method) is null)
        {
            throw new ArgumentException($"{Descriptor.FullName} has no method {method}.", nameof(method));
        }
        return $"/{Descriptor.FullName}/{method}";
    }
}
