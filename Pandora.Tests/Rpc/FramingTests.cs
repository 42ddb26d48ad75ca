using System.IO.Compression;
using Google.Protobuf;
using Grpc.Core;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rpc;

/// <summary>Messages as bytes: compressed, too large, broken.</summary>
public sealed class FramingTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const int MaxMessageBytes = 4_194_304;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(200)]
    [InlineData(100_000)]
    public async Task A_compressed_message_is_read(int bytes)
    {
        var reply = await SendAsync(GrpcClient.Frame(GrpcClient.Gzip(Message(bytes)), flag: 1), "gzip");

        ExpectAnswer(reply);
        Assert.Equal(0, reply.Body[0]);
        Assert.Null(reply.Header("grpc-encoding"));
    }

    [Fact]
    public async Task A_compressed_message_of_no_bytes_is_an_empty_message()
    {
        var reply = await SendAsync(GrpcClient.Frame([], flag: 1), "gzip");

        Assert.Equal(StatusCode.InvalidArgument, reply.Code);
        Assert.Contains("api_key", reply.BrokenFields);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("identity")]
    public async Task A_plain_message_is_read_whatever_was_announced(string encoding)
    {
        var reply = await SendAsync(GrpcClient.Frame(Message(200)), encoding);

        ExpectAnswer(reply);
    }

    [Theory]
    [InlineData("deflate")]
    [InlineData("snappy")]
    [InlineData("GZIP")]
    public async Task Another_encoding_is_UNIMPLEMENTED_and_the_answer_names_the_known_ones(string encoding)
    {
        var reply = await SendAsync(GrpcClient.Frame(Message(200), flag: 1), encoding);

        Assert.Equal(StatusCode.Unimplemented, reply.Code);
        Assert.Equal("identity,gzip", reply.Header("grpc-accept-encoding"));
    }

    [Fact]
    public async Task A_message_of_4_194_304_bytes_is_accepted()
    {
        var payload = Message(MaxMessageBytes);
        Assert.Equal(MaxMessageBytes, payload.Length);

        ExpectAnswer(await SendAsync(GrpcClient.Frame(payload)));
        ExpectAnswer(await SendAsync(GrpcClient.Frame(GrpcClient.Gzip(payload), flag: 1), "gzip"));
    }

    [Fact]
    public async Task A_larger_message_is_RESOURCE_EXHAUSTED_packed_or_not_and_its_connection_goes_on()
    {
        var payload = Message(MaxMessageBytes + 1);

        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(StatusCode.ResourceExhausted, (await SendAsync(GrpcClient.Frame(payload))).Code);
            Assert.Equal(StatusCode.ResourceExhausted, (await SendAsync(GrpcClient.Frame(GrpcClient.Gzip(payload), flag: 1), "gzip")).Code);
        }

        ExpectAnswer(await SendAsync(GrpcClient.Frame(Message(200))));
    }

    [Fact]
    public async Task A_message_that_unpacks_to_a_gibibyte_is_RESOURCE_EXHAUSTED_without_being_unpacked_whole()
    {
        var bomb = GrpcClient.Frame(GibibyteOfZeros(), flag: 1);
        Assert.InRange(bomb.Length, 0, MaxMessageBytes);
        await SendAsync(GrpcClient.Frame(Message(200))); // what is loaded once is loaded
        var before = GC.GetTotalAllocatedBytes();

        var reply = await SendAsync(bomb, "gzip");

        Assert.Equal(StatusCode.ResourceExhausted, reply.Code);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 100_000_000); // of this process, which is the node too
    }

    [Fact]
    public async Task A_length_over_the_limit_is_refused_before_the_message_arrives()
    {
        var reply = await SendAsync([0, 0xFF, 0xFF, 0xFF, 0xFF]);

        Assert.Equal(StatusCode.ResourceExhausted, reply.Code);
    }

    [Fact]
    public async Task A_body_beyond_the_usual_limit_of_listeners_is_RESOURCE_EXHAUSTED()
    {
        var reply = await SendAsync(GrpcClient.Frame(new byte[31_000_000]));

        Assert.Equal(StatusCode.ResourceExhausted, reply.Code);
    }

    public static TheoryData<string, byte[]> BrokenBodies => new()
    {
        { "no message", [] },
        { "part of a prefix", [0, 0, 0] },
        { "less than was announced", [0, 0, 0, 0, 9, 1] },
        { "compressed without having said so", GrpcClient.Frame(GrpcClient.Gzip(Message(200)), flag: 1) },
        { "a flag that does not exist", GrpcClient.Frame(Message(200), flag: 2) },
        { "no protobuf", GrpcClient.Frame([0xFF, 0xFF, 0xFF]) },
        { "a text longer than its message", GrpcClient.Frame([0x0A, 0x7F, 0x41]) },
        { "invalid UTF-8", GrpcClient.Frame([0x0A, 0x02, 0xC3, 0x28]) },
        { "two messages", [.. GrpcClient.Frame(Message(200)), .. GrpcClient.Frame(Message(200))] },
        { "a message and a bit", [.. GrpcClient.Frame(Message(200)), 0] },
    };

    [Theory]
    [MemberData(nameof(BrokenBodies))]
    public async Task A_body_that_cannot_be_read_is_INTERNAL(string what, byte[] body)
    {
        var reply = await SendAsync(body);

        Assert.True(reply.Code == StatusCode.Internal, what);
        Assert.NotEmpty(reply.StatusText);
        Assert.Empty(pandora.Node.Errors);
    }

    public static TheoryData<string, byte[]> BrokenGzip
    {
        get
        {
            var whole = GrpcClient.Gzip(Message(5000));
            return new TheoryData<string, byte[]>
            {
                { "too short", [0x1F, 0x8B, 0x08] },
                { "no gzip", Message(5000) },
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

        Assert.True(reply.Code == StatusCode.Internal, what);
        Assert.Empty(pandora.Node.Errors);
    }

    [Fact]
    public async Task Fields_of_later_versions_are_ignored() =>
        ExpectAnswer(await SendAsync(GrpcClient.Frame([.. Message(200), 0xA0, 0x3F, 0x01])));

    [Fact]
    public async Task A_message_that_comes_in_pieces_is_put_together() =>
        ExpectAnswer(await pandora.Node.Grpc.SendAsync(
            Calls.ValidatePath, new PiecewiseContent(new MemoryStream(GrpcClient.Frame(Message(1000))), 3), Ct));

    private Task<GrpcReply> SendAsync(byte[] body, string? encoding = null) =>
        pandora.Node.Grpc.SendAsync(Calls.ValidatePath, body, Ct, request =>
        {
            if (encoding is not null)
            {
                request.Headers.Add("grpc-encoding", encoding);
            }
        });

    private static void ExpectAnswer(GrpcReply reply)
    {
        Assert.Equal(StatusCode.OK, reply.Code);
        Assert.Equal("API_KEY_INVALID", Assert.Single(reply.Messages(ValidateResponse.Parser)).FailureCode);
    }

    /// <summary>A check of a key that nobody has.</summary>
    /// <param name="bytes">Of the message: 200 or more.</param>
    private static byte[] Message(int bytes)
    {
        var check = new ValidateRequest
        {
            ApiKey = "nobody's",
            ServiceName = "service",
            ServiceVersion = "1",
            Request = new Request { Path = "/", Method = "GET", IpAddress = "::1", Metadata = new RequestMetadata { Body = "x" } },
        };
        // Lengths take more bytes as they grow.
        while (check.CalculateSize() is var size && size != bytes)
        {
            check.Request.Metadata.Body = new string('x', check.Request.Metadata.Body.Length + bytes - size);
        }
        return check.ToByteArray();
    }

    private static byte[] GibibyteOfZeros()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize))
        {
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 1024; i++)
            {
                gzip.Write(zeros);
            }
        }
        return packed.ToArray();
    }

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
