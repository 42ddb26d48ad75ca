using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace Pandora.Core.Rpc;

/// <summary>
/// Messages in and out of a body. Each is one frame: a byte that says whether it is compressed (0 or 1), its length in
/// four bytes, most significant first, and the message itself. Parsing reads straight from the buffers of the
/// connection and writing goes straight into them.
/// </summary>
internal static class Framing
{
    /// <summary>Largest message accepted, before and after decompression.</summary>
    public const int MaxMessageBytes = 4_194_304;

    public static readonly GrpcStatus Unreadable = new(GrpcCode.Internal, "The request message cannot be read.");

    public static readonly GrpcStatus TooLarge =
        new(GrpcCode.ResourceExhausted, $"The request message is larger than {MaxMessageBytes} bytes.");

    private static readonly GrpcStatus Late =
        new(GrpcCode.DeadlineExceeded, "The request message did not arrive in time.");

    private static readonly GrpcStatus TooMany =
        new(GrpcCode.Internal, "The call carries more than one request message.");

    private const int PrefixBytes = 5;

    /// <summary>The next message; neither message nor refusal when the caller has sent its last one.</summary>
    /// <param name="gzip">Whether the caller announced that its messages may be compressed.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<GrpcResult<T>> ReadAsync<T>(
        PipeReader body, MessageParser<T> parser, bool gzip, CancellationToken ct)
        where T : class, IMessage<T>
    {
        while (true)
        {
            var read = await body.ReadAsync(ct);
            if (read.IsCanceled)
            {
                return Late;
            }

            var buffer = read.Buffer;
            if (buffer.Length >= PrefixBytes)
            {
                var (compressed, length) = ReadPrefix(buffer);
                if (compressed > (gzip ? 1 : 0))
                {
                    return Unreadable;
                }
                if (length > MaxMessageBytes)
                {
                    return TooLarge;
                }
                if (buffer.Length >= PrefixBytes + length)
                {
                    var payload = buffer.Slice(PrefixBytes, length);
                    var message = compressed == 1 ? Gunzip.Parse(payload, parser) : Parse(payload, parser);
                    body.AdvanceTo(payload.End);
                    return message;
                }
            }

            if (read.IsCompleted)
            {
                return buffer.IsEmpty ? default(GrpcResult<T>) : Unreadable;
            }
            body.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    /// <summary>Waits until it is certain that nothing more comes. Null: so it is; else what is wrong.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<GrpcStatus?> ReadEndAsync(PipeReader body, CancellationToken ct)
    {
        while (true)
        {
            var read = await body.ReadAsync(ct);
            if (read.IsCanceled)
            {
                return Late;
            }
            if (!read.Buffer.IsEmpty)
            {
                return TooMany;
            }
            if (read.IsCompleted)
            {
                return null;
            }
            body.AdvanceTo(read.Buffer.End);
        }
    }

    /// <summary>Puts a message into the answer without sending it yet.</summary>
    public static void Write(PipeWriter body, IMessage message)
    {
        var size = message.CalculateSize();
        var span = body.GetSpan(PrefixBytes + size);
        span[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(span[1..], size);
        message.WriteTo(span.Slice(PrefixBytes, size));
        body.Advance(PrefixBytes + size);
    }

    private static GrpcResult<T> Parse<T>(ReadOnlySequence<byte> payload, MessageParser<T> parser)
        where T : class, IMessage<T>
    {
        try
        {
            return parser.ParseFrom(payload);
        }
        catch (InvalidProtocolBufferException)
        {
            return Unreadable;
        }
    }

    private static (byte Compressed, uint Length) ReadPrefix(in ReadOnlySequence<byte> buffer)
    {
        if (buffer.FirstSpan.Length >= PrefixBytes)
        {
            return (buffer.FirstSpan[0], BinaryPrimitives.ReadUInt32BigEndian(buffer.FirstSpan[1..]));
        }

        Span<byte> prefix = stackalloc byte[PrefixBytes];
        buffer.Slice(0, PrefixBytes).CopyTo(prefix);
        return (prefix[0], BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]));
    }
}
