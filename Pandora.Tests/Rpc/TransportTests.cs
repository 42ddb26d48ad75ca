using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf.WellKnownTypes;
using Npgsql;
using Pandora.Core.Gate;
using Pandora.Core.Rpc;

namespace Pandora.Tests.Rpc;

public sealed class TransportTests : IAsyncLifetime
{
    private const string Echo = "/test.Tests/Echo";
    private const string Fail = "/test.Tests/Fail";
    private const string Count = "/test.Tests/Count";

    private GrpcHost _host = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _host = await GrpcHost.StartAsync(
        new UnaryMethod<StringValue, StringValue>(Echo, StringValue.Parser, (request, _) => ValueTask.FromResult<GrpcResult<StringValue>>(request)),
        new UnaryMethod<StringValue, StringValue>(Fail, StringValue.Parser, (request, _) => throw FaultOf(request.Value)),
        new ServerStreamMethod<Int32Value, Int32Value>(Count, Int32Value.Parser, CountUp));

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task A_call_is_answered_with_a_message_and_status_0_in_the_trailers()
    {
        var reply = await CallAsync("hello");

        Assert.Equal(HttpStatusCode.OK, reply.HttpStatus);
        Assert.Equal("application/grpc", reply.ContentType);
        Assert.Equal(GrpcCode.Ok, reply.Code);
        Assert.False(reply.IsTrailersOnly);
        Assert.Equal("hello", reply.Message!.Value);
        Assert.Null(reply.Header("grpc-encoding"));
    }

    [Fact]
    public async Task An_empty_message_is_a_message()
    {
        var reply = await CallAsync("");

        Assert.Equal(GrpcCode.Ok, reply.Code);
        Assert.Equal("", reply.Message!.Value);
    }

    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc+proto")]
    [InlineData("Application/GRPC")]
    [InlineData("application/grpc; charset=utf-8")]
    public async Task The_content_types_of_grpc_are_accepted(string contentType)
    {
        var reply = await CallAsync("x", request => SetContentType(request, contentType));

        Assert.Equal(GrpcCode.Ok, reply.Code);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("application/json")]
    [InlineData("application/grpc-web")]
    [InlineData("application/grpc+json")]
    public async Task Another_content_type_is_415(string? contentType)
    {
        var reply = await CallAsync("x", request => SetContentType(request, contentType));

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
        var reply = await _host.Client.SendAsync("/nothing", [], Ct, request =>
        {
            request.Method = new HttpMethod(method);
            SetContentType(request, "text/plain");
        });

        Assert.Equal(HttpStatusCode.MethodNotAllowed, reply.HttpStatus);
    }

    [Theory]
    [InlineData("/test.Tests/Nothing")]
    [InlineData("/nothing.v1.Nothing/Echo")]
    [InlineData("/test.tests/echo")]
    [InlineData("/")]
    public async Task An_unknown_service_or_method_is_UNIMPLEMENTED_with_HTTP_200(string path)
    {
        var reply = await _host.Client.SendAsync(path, GrpcClient.Frame([]), Ct);

        Assert.Equal(HttpStatusCode.OK, reply.HttpStatus);
        Assert.Equal(GrpcCode.Unimplemented, reply.Code);
        Assert.True(reply.IsTrailersOnly);
        Assert.Equal("application/grpc", reply.ContentType);
    }

    [Fact]
    public async Task Credentials_and_other_metadata_are_ignored()
    {
        var reply = await CallAsync("x", request =>
        {
            request.Headers.TryAddWithoutValidation("authorization", "Bearer nonsense");
            request.Headers.TryAddWithoutValidation("x-custom-bin", "not base64 !");
        });

        Assert.Equal(GrpcCode.Ok, reply.Code);
    }

    [Fact]
    public async Task An_unexpected_fault_is_INTERNAL_with_a_fixed_text_and_one_log_entry()
    {
        var reply = await CallAsync("secret", path: Fail);
        var next = await CallAsync("still there");

        Assert.Equal(GrpcCode.Internal, reply.Code);
        Assert.NotEmpty(reply.StatusText);
        Assert.DoesNotContain("secret", reply.StatusText, StringComparison.Ordinal);
        Assert.Null(reply.Details);
        Assert.Contains(Fail, Assert.Single(_host.Errors), StringComparison.Ordinal);
        Assert.Equal(GrpcCode.Ok, next.Code);
    }

    [Theory]
    [InlineData("gate")]
    [InlineData("npgsql")]
    [InlineData("postgres")]
    [InlineData("timeout")]
    public async Task A_database_that_cannot_serve_is_UNAVAILABLE_with_RetryInfo(string fault)
    {
        var reply = await CallAsync(fault, path: Fail);

        Assert.Equal(GrpcCode.Unavailable, reply.Code);
        Assert.Equal(TimeSpan.FromSeconds(1), reply.RetryDelay);
        Assert.Equal((int)GrpcCode.Unavailable, reply.Details!.Code);
        Assert.Equal(reply.StatusText, reply.Details.Message);
        Assert.DoesNotContain("db.example", reply.StatusText, StringComparison.Ordinal);
        Assert.Empty(_host.Errors);
    }

    [Fact]
    public async Task A_stream_sends_its_messages_and_then_its_status()
    {
        using var stream = await _host.Client.OpenAsync(Count, new Int32Value { Value = 3 }, Int32Value.Parser, Ct);

        var received = new List<int>();
        await foreach (var message in stream.ReadAllAsync(Ct))
        {
            received.Add(message.Value);
        }

        Assert.Equal([1, 2, 3], received);
        Assert.Equal(GrpcCode.Ok, stream.End.Code);
        Assert.False(stream.End.IsTrailersOnly);
    }

    [Fact]
    public async Task A_stream_that_fails_after_messages_says_so_in_its_trailers()
    {
        using var stream = await _host.Client.OpenAsync(Count, new Int32Value { Value = -1 }, Int32Value.Parser, Ct);

        Assert.Equal(1, (await stream.ReadAsync(Ct))!.Value);
        Assert.Null(await stream.ReadAsync(Ct));
        Assert.Equal(GrpcCode.NotFound, stream.End.Code);
        Assert.False(stream.End.IsTrailersOnly);
        Assert.Equal("100 % grün\n", stream.End.StatusText);
        Assert.Equal("100 %25 gr%C3%BCn%0A", stream.End.Header("grpc-message"));
    }

    private Task<GrpcReply<StringValue>> CallAsync(string text, Action<HttpRequestMessage>? adjust = null, string path = Echo) =>
        _host.Client.CallAsync(path, new StringValue { Value = text }, StringValue.Parser, Ct, adjust);

    private static void SetContentType(HttpRequestMessage request, string? contentType) =>
        request.Content!.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);

    private static async ValueTask<GrpcStatus> CountUp(Int32Value request, GrpcStream<Int32Value, Int32Value> stream, CancellationToken ct)
    {
        for (var i = 1; i <= Math.Abs(request.Value); i++)
        {
            await stream.WriteAsync(new Int32Value { Value = i }, ct);
        }
        return request.Value < 0 ? new GrpcStatus(GrpcCode.NotFound, "100 % grün\n") : GrpcStatus.Ok;
    }

    private static Exception FaultOf(string name) => name switch
    {
        "gate" => new GateUnavailableException("db.example does not answer", GateUnavailableException.Database),
        "npgsql" => new NpgsqlException("db.example does not answer", new IOException()),
        "postgres" => new PostgresException("going down on db.example", "FATAL", "FATAL", PostgresErrorCodes.AdminShutdown),
        "timeout" => new TimeoutException("db.example does not answer"),
        _ => new InvalidOperationException(name),
    };
}
