using System.Diagnostics;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pandora.Core.Rpc;

namespace Pandora.Tests.Rpc;

public sealed class FramingTests : IAsyncLifetime
{
    private const string Length = "/test.Tests/Length";

    /// <summary>Tag and length of a text in a StringValue of about the greatest size.</summary>
    private const int Overhead = 5;

    private GrpcHost _host = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _host = await GrpcHost.StartAsync(
        new UnaryMethod<StringValue, Int32Value>(
            Length,
            StringValue.Parser,
            (request, _) => ValueTask.FromResult<GrpcResult<Int32Value>>(new Int32Value { Value = request.Value.Length })));

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(100_000)]
    public async Task A_compressed_message_is_read(int length)
    {
        var reply = await SendAsync(GrpcClient.Frame(GrpcClient.Gzip(Text(length)), flag: 1), "gzip");

        Assert.Equal(GrpcCode.Ok, reply.Code);
        Assert.Equal(length, Assert.Single(reply.Messages(Int32Value.Parser)).Value);
        Assert.Equal(0, reply.Body[0]);
        Assert.Null(reply.Header("grpc-encoding"));
    }

    [Fact]
    public async Task A_compressed_message_of_no_bytes_is_an_empty_message()
    {
        var reply = await SendAsync(GrpcClient.Frame([], flag: 1), "gzip");

        Assert.Equal(GrpcCode.Ok, reply.Code);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("identity")]
    public async Task A_plain_message_is_read_whatever_was_announced(string encoding)
    {
        var reply = await SendAsync(GrpcClient.Frame(Text(7)), encoding);

        Assert.Equal(GrpcCode.Ok, reply.Code);
    }

    [Theory]
    [InlineData("deflate")]
    [InlineData("snappy")]
    [InlineData("GZIP")]
    public async Task Another_encoding_is_UNIMPLEMENTED_and_the_answer_names_the_known_ones(string encoding)
    {
        var reply = await SendAsync(GrpcClient.Frame(Text(7), flag: 1), encoding);

        Assert.Equal(GrpcCode.Unimplemented, reply.Code);
        Assert.Equal("identity,gzip", reply.Header("grpc-accept-encoding"));
    }

    [Fact]
    public async Task A_message_of_4_194_304_bytes_is_accepted()
    {
        var payload = Text(Framing.MaxMessageBytes - Overhead);

        var plain = await SendAsync(GrpcClient.Frame(payload));
        var compressed = await SendAsync(GrpcClient.Frame(GrpcClient.Gzip(payload), flag: 1), "gzip");

        Assert.Equal(Framing.MaxMessageBytes, payload.Length);
        Assert.Equal(GrpcCode.Ok, plain.Code);
        Assert.Equal(GrpcCode.Ok, compressed.Code);
    }

    [Fact]
    public async Task A_larger_message_is_RESOURCE_EXHAUSTED_and_its_connection_goes_on()
    {
        for (var i = 0; i < 5; i++)
        {
            var reply = await SendAsync(GrpcClient.Frame(Text(Framing.MaxMessageBytes - Overhead + 1)));
            Assert.Equal(GrpcCode.ResourceExhausted, reply.Code);
        }

        Assert.Equal(GrpcCode.Ok, (await SendAsync(GrpcClient.Frame(Text(1)))).Code);
    }

    [Fact]
    public async Task A_message_that_unpacks_to_more_is_RESOURCE_EXHAUSTED_without_being_unpacked_whole()
    {
        var bomb = GrpcClient.Frame(GrpcClient.Gzip(new byte[400_000_000]), flag: 1);

        var started = Stopwatch.GetTimestamp();
        var reply = await SendAsync(bomb, "gzip");

        Assert.Equal(GrpcCode.ResourceExhausted, reply.Code);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(2));
    }

    [Fact]
    public async Task A_length_over_the_limit_is_refused_before_the_message_arrives()
    {
        var reply = await SendAsync([0, 0xFF, 0xFF, 0xFF, 0xFF]);

        Assert.Equal(GrpcCode.ResourceExhausted, reply.Code);
    }

    [Fact]
    public async Task A_body_beyond_the_limit_of_the_listener_is_RESOURCE_EXHAUSTED()
    {
        var reply = await SendAsync(GrpcClient.Frame(new byte[31_000_000]));

        Assert.Equal(GrpcCode.ResourceExhausted, reply.Code);
    }

    public static TheoryData<string, byte[]> BrokenBodies => new()
    {
        { "no message", [] },
        { "part of a prefix", [0, 0, 0] },
        { "less than was announced", [0, 0, 0, 0, 9, 1] },
        { "compressed without having said so", GrpcClient.Frame(GrpcClient.Gzip(Text(3)), flag: 1) },
        { "a flag that does not exist", GrpcClient.Frame(Text(3), flag: 2) },
        { "no protobuf", GrpcClient.Frame([0xFF, 0xFF, 0xFF]) },
        { "a text longer than its message", GrpcClient.Frame([0x0A, 0x7F, 0x41]) },
        { "invalid UTF-8", GrpcClient.Frame([0x0A, 0x02, 0xC3, 0x28]) },
        { "two messages", [.. GrpcClient.Frame(Text(1)), .. GrpcClient.Frame(Text(1))] },
        { "a message and a bit", [.. GrpcClient.Frame(Text(1)), 0] },
    };

    [Theory]
    [MemberData(nameof(BrokenBodies))]
    public async Task A_body_that_cannot_be_read_is_INTERNAL(string what, byte[] body)
    {
        var reply = await SendAsync(body);

        Assert.True(reply.Code == GrpcCode.Internal, what);
        Assert.NotEmpty(reply.StatusText);
        Assert.Empty(_host.Errors);
    }

    public static TheoryData<string, byte[]> BrokenGzip
    {
        get
        {
            var whole = GrpcClient.Gzip(Text(5000));
            return new TheoryData<string, byte[]>
            {
                { "too short", [0x1F, 0x8B, 0x08] },
                { "no gzip", Text(5000) },
                { "cut in the data", whole[..^12] },
                { "cut in the trailer", whole[..^1] },
                { "a wrong checksum", [.. whole[..^8], 0, 0, 0, 0, .. whole[^4..]] },
                { "a wrong length", [.. whole[..^1], 0x55] },
            };
        }
    }

    [Theory]
    [MemberData(nameof(BrokenGzip))]
    public async Task A_message_that_cannot_be_unpacked_is_INTERNAL(string what, byte[] payload)
    {
        var reply = await SendAsync(GrpcClient.Frame(payload, flag: 1), "gzip");

        Assert.True(reply.Code == GrpcCode.Internal, what);
        Assert.Empty(_host.Errors);
    }

    [Fact]
    public async Task Fields_of_later_versions_are_ignored()
    {
        byte[] later = [.. Text(4), 0xA0, 0x06, 0x01];

        var reply = await SendAsync(GrpcClient.Frame(later));

        Assert.Equal(4, Assert.Single(reply.Messages(Int32Value.Parser)).Value);
    }

    [Fact]
    public async Task A_message_that_comes_in_pieces_is_put_together()
    {
        var body = new MemoryStream(GrpcClient.Frame(Text(1000)));

        var reply = await _host.Client.SendAsync(Length, new PiecewiseContent(body, 3), Ct);

        Assert.Equal(1000, Assert.Single(reply.Messages(Int32Value.Parser)).Value);
    }

    private Task<GrpcReply> SendAsync(byte[] body, string? encoding = null) =>
        _host.Client.SendAsync(Length, body, Ct, request =>
        {
            if (encoding is not null)
            {
                request.Headers.Add("grpc-encoding", encoding);
            }
        });

    private static byte[] Text(int length) => new StringValue { Value = new string('x', length) }.ToByteArray();

    /// <summary>Sends each few bytes as a frame of their own.</summary>
    private sealed class PiecewiseContent(Stream source, int pieceBytes) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
        {
            var piece = new byte[pieceBytes];
            int read;
            while ((read = await source.ReadAsync(piece)) > 0)
            {
                await stream.WriteAsync(piece.AsMemory(0, read));
                await stream.FlushAsync();
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
