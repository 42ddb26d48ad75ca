using Google.Protobuf.Reflection;
using Pandora.Core.Rpc;
using Pandora.Protos.Reflection.V1;

namespace Pandora.Tests.Rpc;

public sealed class ReflectionGrpcTests : IAsyncLifetime
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

    private GrpcHost _host = null!;

    public async ValueTask InitializeAsync() => _host = await GrpcHost.StartProductAsync();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Theory]
    [InlineData(V1)]
    [InlineData(V1Alpha)]
    public async Task Every_service_is_listed(string path)
    {
        var answer = Assert.Single(await AskAsync(path, new ServerReflectionRequest { ListServices = "" }));

        Assert.Equal(Services, answer.ListServicesResponse.Service.Select(service => service.Name).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(V1)]
    [InlineData(V1Alpha)]
    public async Task A_client_without_files_can_call_every_method(string path)
    {
        var answers = await AskAsync(path, [.. Services.Select(name => new ServerReflectionRequest { FileContainingSymbol = name })]);

        foreach (var (name, answer) in Services.Zip(answers))
        {
            var files = answer.FileDescriptorResponse.FileDescriptorProto.Reverse();
            var service = FileDescriptor.BuildFromByteStrings(files).SelectMany(file => file.Services).Single(each => each.FullName == name);
            foreach (var method in service.Methods)
            {
                var called = await _host.Client.SendAsync(
                    $"/{name}/{method.Name}",
                    GrpcClient.Frame([]),
                    TestContext.Current.CancellationToken,
                    request => request.Headers.Add("grpc-timeout", "200m"));
                Assert.NotEqual(GrpcCode.Unimplemented, called.Code);
            }
        }
    }

    [Theory]
    [InlineData("api_key.v1.ValidateRequest")]
    [InlineData("api_key.v1.ValidateRequest.api_key")]
    [InlineData("api_key.v1.APIKeyService.Validate")]
    [InlineData("grpc.health.v1.HealthCheckResponse.ServingStatus")]
    [InlineData("grpc.health.v1.HealthCheckResponse.SERVING")]
    [InlineData("google.protobuf.Timestamp")]
    [InlineData("google.rpc.BadRequest.FieldViolation")]
    [InlineData("google.rpc.Status")]
    public async Task The_file_of_a_symbol_comes_with_its_imports(string symbol)
    {
        var answer = Assert.Single(await AskAsync(V1, new ServerReflectionRequest { FileContainingSymbol = symbol }));

        var files = FileDescriptor.BuildFromByteStrings(answer.FileDescriptorResponse.FileDescriptorProto.Reverse());
        Assert.Contains(symbol, DescriptorSymbols.Of(files[^1]));
    }

    [Fact]
    public async Task One_call_answers_many_questions_in_their_order()
    {
        var answers = await AskAsync(
            V1,
            new ServerReflectionRequest { Host = "h", FileByFilename = "api_key/v1/api_key.proto" },
            new ServerReflectionRequest { FileByFilename = "google/protobuf/empty.proto" },
            new ServerReflectionRequest { FileByFilename = "nothing.proto" },
            new ServerReflectionRequest { FileContainingSymbol = "nothing" },
            new ServerReflectionRequest { AllExtensionNumbersOfType = "api_key.v1.Request" },
            new ServerReflectionRequest { AllExtensionNumbersOfType = "nothing" },
            new ServerReflectionRequest { FileContainingExtension = new ExtensionRequest { ContainingType = "api_key.v1.Request", ExtensionNumber = 1 } },
            new ServerReflectionRequest());

        Assert.Equal("h", answers[0].ValidHost);
        Assert.Equal("api_key/v1/api_key.proto", answers[0].OriginalRequest.FileByFilename);
        Assert.Equal(2, answers[0].FileDescriptorResponse.FileDescriptorProto.Count);
        Assert.Single(answers[1].FileDescriptorResponse.FileDescriptorProto);
        Assert.Equal((int)GrpcCode.NotFound, answers[2].ErrorResponse.ErrorCode);
        Assert.Equal((int)GrpcCode.NotFound, answers[3].ErrorResponse.ErrorCode);
        Assert.Equal("api_key.v1.Request", answers[4].AllExtensionNumbersResponse.BaseTypeName);
        Assert.Equal((int)GrpcCode.NotFound, answers[5].ErrorResponse.ErrorCode);
        Assert.Equal((int)GrpcCode.NotFound, answers[6].ErrorResponse.ErrorCode);
        Assert.Equal((int)GrpcCode.InvalidArgument, answers[7].ErrorResponse.ErrorCode);
    }

    private async Task<IReadOnlyList<ServerReflectionResponse>> AskAsync(string path, params ServerReflectionRequest[] questions)
    {
        byte[] body = [.. questions.SelectMany(GrpcClient.Frame)];
        var reply = await _host.Client.SendAsync(path, body, TestContext.Current.CancellationToken);
        Assert.Equal(GrpcCode.Ok, reply.Code);
        var answers = reply.Messages(ServerReflectionResponse.Parser);
        Assert.Equal(questions, answers.Select(answer => answer.OriginalRequest));
        return answers;
    }
}
