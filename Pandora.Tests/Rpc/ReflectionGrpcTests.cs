using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Reflection.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rpc;

public sealed class ReflectionGrpcTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const string V1 = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    private const string V1Alpha = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

    private static readonly string[] Services =
    [
        "api_key.v1.APIKeyService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "request.v1.RequestService",
        "reservation.v1.ReservationService",
    ];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(V1)]
    [InlineData(V1Alpha)]
    public async Task A_client_without_files_can_call_every_method_of_every_service_that_is_listed(string path)
    {
        var listed = Assert.Single(await AskAsync(path, new ServerReflectionRequest { ListServices = "" }));
        Assert.Equal(Services, listed.ListServicesResponse.Service.Select(service => service.Name).Order(StringComparer.Ordinal));

        var answers = await AskAsync(path, [.. Services.Select(name => new ServerReflectionRequest { FileContainingSymbol = name })]);

        foreach (var (name, answer) in Services.Zip(answers))
        {
            var service = Build(answer).SelectMany(file => file.Services).Single(each => each.FullName == name);
            foreach (var method in service.Methods)
            {
                var called = await pandora.Node.Grpc.SendAsync(
                    $"/{name}/{method.Name}", GrpcClient.Frame([]), Ct, request => request.Headers.Add("grpc-timeout", "200m"));
                Assert.True(called.Code != StatusCode.Unimplemented, $"{name}/{method.Name}");
            }
        }
    }

    [Theory]
    [InlineData("api_key.v1.ValidateRequest", "api_key/v1/api_key.proto")]
    [InlineData("api_key.v1.APIKeyService.Validate", "api_key/v1/api_key.proto")]
    [InlineData("google.protobuf.Timestamp", "google/protobuf/timestamp.proto")]
    [InlineData("google.rpc.BadRequest.FieldViolation", "google/rpc/error_details.proto")]
    [InlineData("google.rpc.RetryInfo", "google/rpc/error_details.proto")]
    [InlineData("google.rpc.Status", "google/rpc/status.proto")]
    public async Task The_file_of_a_symbol_comes_with_its_imports_details_of_errors_included(string symbol, string file)
    {
        foreach (var path in new[] { V1, V1Alpha })
        {
            var answer = Assert.Single(await AskAsync(path, new ServerReflectionRequest { FileContainingSymbol = symbol }));

            Assert.Contains(Build(answer), built => built.Name == file);
        }
    }

    [Fact]
    public async Task An_unknown_name_is_not_found_and_the_stream_goes_on()
    {
        var answers = await AskAsync(
            V1,
            new ServerReflectionRequest { FileByFilename = "nothing.proto" },
            new ServerReflectionRequest { FileContainingSymbol = "nothing" },
            new ServerReflectionRequest { FileByFilename = "api_key/v1/api_key.proto" });

        Assert.Equal((int)StatusCode.NotFound, answers[0].ErrorResponse.ErrorCode);
        Assert.Equal((int)StatusCode.NotFound, answers[1].ErrorResponse.ErrorCode);
        Assert.Equal(2, answers[2].FileDescriptorResponse.FileDescriptorProto.Count);
    }

    /// <summary>Descriptors come in any order.</summary>
    private static IReadOnlyList<FileDescriptor> Build(ServerReflectionResponse answer)
    {
        var files = answer.FileDescriptorResponse.FileDescriptorProto.ToDictionary(raw => FileDescriptorProto.Parser.ParseFrom(raw).Name);
        var ordered = new List<string>();
        foreach (var name in files.Keys)
        {
            Add(name);
        }
        return FileDescriptor.BuildFromByteStrings(ordered.Select(name => files[name]));

        void Add(string name)
        {
            if (ordered.Contains(name))
            {
                return;
            }
            foreach (var import in FileDescriptorProto.Parser.ParseFrom(files[name]).Dependency)
            {
                Add(import);
            }
            ordered.Add(name);
        }
    }

    private async Task<IReadOnlyList<ServerReflectionResponse>> AskAsync(string path, params ServerReflectionRequest[] questions)
    {
        byte[] body = [.. questions.SelectMany(GrpcClient.Frame)];
        var reply = await pandora.Node.Grpc.SendAsync(path, body, Ct);
        Assert.Equal(StatusCode.OK, reply.Code);
        return reply.Messages(ServerReflectionResponse.Parser);
    }
}
