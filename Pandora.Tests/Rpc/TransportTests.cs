using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rpc;

/// <summary>What is a call, and what is not.</summary>
public sealed class TransportTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_call_is_answered_with_a_message_and_status_0_in_the_trailers()
    {
        var reply = await CallAsync();

        Assert.Equal(HttpStatusCode.OK, reply.HttpStatus);
        Assert.Equal("application/grpc", reply.ContentType);
        Assert.Equal(StatusCode.OK, reply.Code);
        Assert.False(reply.IsTrailersOnly);
        Assert.Equal("API_KEY_INVALID", reply.Message!.FailureCode);
        Assert.Null(reply.Header("grpc-encoding"));
        Assert.Null(reply.Header("server"));
    }

    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc+proto")]
    [InlineData("Application/GRPC")]
    [InlineData("application/grpc; charset=utf-8")]
    public async Task The_content_types_of_grpc_are_accepted(string contentType)
    {
        var reply = await CallAsync(request => SetContentType(request, contentType));

        Assert.Equal(StatusCode.OK, reply.Code);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("application/json")]
    [InlineData("application/grpc-web")]
    [InlineData("application/grpc+json")]
    public async Task Another_content_type_is_415(string? contentType)
    {
        var reply = await CallAsync(request => SetContentType(request, contentType));

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, reply.HttpStatus);
        Assert.Empty(reply.Body);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("OPTIONS")]
    [InlineData("HEAD")]
    public async Task Another_method_than_POST_is_405_before_anything_else_is_looked_at(string method)
    {
        var reply = await pandora.Node.Grpc.SendAsync("/nothing", [], Ct, request =>
        {
            request.Method = new HttpMethod(method);
            SetContentType(request, "text/plain");
        });

        Assert.Equal(HttpStatusCode.MethodNotAllowed, reply.HttpStatus);
    }

    [Theory]
    [InlineData("/api_key.v1.APIKeyService/Nothing")]
    [InlineData("/nothing.v1.Nothing/Validate")]
    [InlineData("/API_KEY.v1.APIKeyService/validate")]
    [InlineData("/api_key.v1.APIKeyService/Validate/")]
    [InlineData("/x/y/z")]
    [InlineData("/")]
    [InlineData("/api/v1/health")]
    [InlineData("/swagger/index.html")]
    public async Task An_unknown_service_or_method_is_UNIMPLEMENTED_with_HTTP_200_and_so_is_a_route_of_REST(string path)
    {
        var reply = await pandora.Node.Grpc.SendAsync(path, GrpcClient.Frame([]), Ct);

        Assert.Equal(HttpStatusCode.OK, reply.HttpStatus);
        Assert.Equal(StatusCode.Unimplemented, reply.Code);
        Assert.True(reply.IsTrailersOnly);
        Assert.Equal("application/grpc", reply.ContentType);
    }

    [Theory]
    [InlineData("/api_key.v1.APIKeyService/%56alidate")]
    [InlineData("/api_key.v1.APIKeyService%2FValidate")]
    [InlineData("/x/../api_key.v1.APIKeyService/Validate")]
    [InlineData("/./api_key.v1.APIKeyService/Validate")]
    [InlineData("/x/%2e%2e/api_key.v1.APIKeyService/Validate")]
    [InlineData("/api_key.v1.APIKeyService/Validate?x")]
    [InlineData("//api_key.v1.APIKeyService/Validate")]
    public async Task Another_spelling_of_a_path_is_another_method(string path)
    {
        var reply = await CallAsync(request => request.RequestUri = new Uri(
            pandora.Node.GrpcAddress.GetLeftPart(UriPartial.Authority) + path,
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));

        Assert.Equal(HttpStatusCode.OK, reply.HttpStatus);
        Assert.Equal(StatusCode.Unimplemented, reply.Code);
    }

    [Theory]
    [InlineData(Calls.ValidatePath)]
    [InlineData("/grpc.health.v1.Health/Check")]
    public async Task The_port_of_REST_knows_no_method_of_gRPC(string path)
    {
        using var http = new HttpClient { BaseAddress = pandora.Node.RestAddress };
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(GrpcClient.Frame([])) };
        SetContentType(request, "application/grpc");

        using var response = await http.SendAsync(request, Ct);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType!.MediaType);
    }

    [Theory]
    [InlineData(":50051")]
    [InlineData("[::]:50051")]
    [InlineData("10.0.0.1:50051,10.0.0.2:50051")]
    [InlineData("10.0.0.1:50051%2C10.0.0.2:50051")]
    [InlineData("outbound|50051||pandora_core.mesh.local")]
    [InlineData("pandora_core:50051")]
    [InlineData("[fe80::1%25eth0]:50051")]
    [InlineData("unix:/run/pandora.sock")]
    [InlineData("pandora.example")]
    [InlineData("a:1:")]
    [InlineData("a%2Fb")]
    [InlineData("[::1")]
    [InlineData("user@host:50051")]
    [InlineData("/run/pandora.sock")]
    public async Task Any_authority_is_served(string authority)
    {
        for (var i = 0; i < 2; i++) // the second time in a place that remembers the first
        {
            var reply = await CallAsync(request => Assert.True(request.Headers.TryAddWithoutValidation("Host", authority)));

            Assert.Equal(StatusCode.OK, reply.Code);
        }
    }

    [Fact]
    public async Task Credentials_and_other_metadata_are_ignored()
    {
        var reply = await CallAsync(request =>
        {
            request.Headers.TryAddWithoutValidation("authorization", "Bearer nonsense");
            request.Headers.TryAddWithoutValidation("x-custom-bin", "not base64 !");
        });

        Assert.Equal(StatusCode.OK, reply.Code);
    }

    [Fact]
    public async Task An_unexpected_fault_is_INTERNAL_with_a_fixed_text_and_a_log_entry_that_names_the_method()
    {
        await using var node = await TestNode.StartAsync(await pandora.Server.CreateDatabaseAsync());
        await node.ExecuteAsync("ALTER TABLE request ADD CONSTRAINT refuse_all CHECK (path = 'secret')");

        var reply = await node.Grpc.CallAsync(Calls.ValidatePath, Request(), ValidateResponse.Parser, Ct);
        await node.ExecuteAsync("ALTER TABLE request DROP CONSTRAINT refuse_all");
        var next = await node.Grpc.CallAsync(Calls.ValidatePath, Request(), ValidateResponse.Parser, Ct);

        Assert.Equal(StatusCode.Internal, reply.Code);
        Assert.True(reply.IsTrailersOnly);
        Assert.Equal("An unexpected error occurred. The server log has the cause.", reply.StatusText);
        Assert.Null(reply.Details);
        Assert.Contains($"[5001] {Calls.ValidatePath}", node.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("[6]", node.Errors, StringComparison.Ordinal); // the library's own line about it
        Assert.Equal(StatusCode.OK, next.Code);
    }

    private Task<GrpcReply<ValidateResponse>> CallAsync(Action<HttpRequestMessage>? adjust = null) =>
        pandora.Node.Grpc.CallAsync(Calls.ValidatePath, Request(), ValidateResponse.Parser, Ct, adjust);

    private static ValidateRequest Request() => new()
    {
        ApiKey = "nobody's",
        ServiceName = "service",
        ServiceVersion = "1",
        Request = new Request { Path = "/", Method = "GET", IpAddress = "::1" },
    };

    private static void SetContentType(HttpRequestMessage request, string? contentType) =>
        request.Content!.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);
}
