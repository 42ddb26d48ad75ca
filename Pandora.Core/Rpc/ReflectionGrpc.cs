using System.Collections.Frozen;
using Google.Protobuf.Reflection;
using Pandora.Protos.Reflection.V1;
using Pandora.Protos.Rpc;
using Question = Pandora.Protos.Reflection.V1.ServerReflectionRequest.MessageRequestOneofCase;
using V1Alpha = Pandora.Protos.Reflection.V1Alpha;

namespace Pandora.Core.Rpc;

/// <summary>
/// grpc.reflection v1 and v1alpha: describes every service to clients that have no files of ours. The messages of both
/// versions are the same on the wire, so one set of types serves both.
/// </summary>
internal sealed class ReflectionGrpc
{
    private readonly IHostApplicationLifetime _lifetime;
    private readonly ListServiceResponse _services = new();
    private readonly FrozenDictionary<string, FileDescriptorResponse> _byFile;
    private readonly FrozenDictionary<string, FileDescriptorResponse> _bySymbol;
    private readonly FrozenSet<string> _messages;

    /// <param name="others">The services to describe besides reflection itself.</param>
    public ReflectionGrpc(IReadOnlyList<GrpcService> others, IHostApplicationLifetime lifetime)
    {
        _lifetime = lifetime;
        Services = [Bind(ReflectionReflection.Descriptor), Bind(V1Alpha.ReflectionReflection.Descriptor)];

        GrpcService[] all = [.. others, .. Services];
        _services.Service.Add(all.Select(service => new ServiceResponse { Name = service.Descriptor.FullName }));

        // The details of a status are no part of any method, but clients look them up too.
        var files = all.Select(service => service.Descriptor.File)
            .Append(ErrorDetailsReflection.Descriptor)
            .Append(StatusReflection.Descriptor)
            .SelectMany(DescriptorSymbols.WithImports)
            .Distinct()
            .ToList();
        var answers = files.ToDictionary(file => file.Name, Describe);
        _byFile = answers.ToFrozenDictionary(StringComparer.Ordinal);
        _bySymbol = files
            .SelectMany(file => DescriptorSymbols.Of(file).Select(symbol => (symbol, answers[file.Name])))
            .ToFrozenDictionary(pair => pair.symbol, pair => pair.Item2, StringComparer.Ordinal);
        _messages = files
            .SelectMany(file => DescriptorSymbols.Messages(file.MessageTypes))
            .Select(message => message.FullName)
            .ToFrozenSet(StringComparer.Ordinal);
    }

    public IReadOnlyList<GrpcService> Services { get; }

    private GrpcService Bind(FileDescriptor file) => new GrpcService(file)
        .Stream<ServerReflectionRequest, ServerReflectionResponse>(
            "ServerReflectionInfo", ServerReflectionRequest.Parser, Converse);

    /// <summary>Ends well when the node stops: an open stream would only hold up the stop.</summary>
    private async ValueTask<GrpcStatus> Converse(
        GrpcStream<ServerReflectionRequest, ServerReflectionResponse> stream, CancellationToken ct)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(ct, _lifetime.ApplicationStopping);
        try
        {
            while (true)
            {
                var request = await stream.ReadAsync(ending.Token);
                if (request.Message is null)
                {
                    return request.Refusal ?? GrpcStatus.Ok;
                }
                await stream.WriteAsync(Answer(request.Message), ct);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return GrpcStatus.Ok;
        }
    }

    private ServerReflectionResponse Answer(ServerReflectionRequest request)
    {
        var response = new ServerReflectionResponse { ValidHost = request.Host, OriginalRequest = request };
        switch (request.MessageRequestCase)
        {
            case Question.ListServices:
                response.ListServicesResponse = _services;
                break;
            case Question.FileByFilename when _byFile.TryGetValue(request.FileByFilename, out var file):
                response.FileDescriptorResponse = file;
                break;
            case Question.FileContainingSymbol when _bySymbol.TryGetValue(request.FileContainingSymbol, out var file):
                response.FileDescriptorResponse = file;
                break;
            case Question.AllExtensionNumbersOfType when _messages.Contains(request.AllExtensionNumbersOfType):
                // Messages of proto3 have no extensions.
                response.AllExtensionNumbersResponse = new() { BaseTypeName = request.AllExtensionNumbersOfType };
                break;
            case Question.None:
                response.ErrorResponse = Fault(GrpcCode.InvalidArgument, "The request asks nothing.");
                break;
            default:
                response.ErrorResponse = Fault(GrpcCode.NotFound, "Nothing of that name is known here.");
                break;
        }
        return response;
    }

    private static ErrorResponse Fault(GrpcCode code, string message) =>
        new() { ErrorCode = (int)code, ErrorMessage = message };

    private static FileDescriptorResponse Describe(FileDescriptor file) => new()
    {
        FileDescriptorProto = { DescriptorSymbols.WithImports(file).Select(each => each.SerializedData) },
    };
}
