using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using Google.Protobuf;

namespace Pandora.Core.Rpc;

/// <summary>Reads messages compressed with gzip; stops as soon as one turns out larger than a message may be.</summary>
internal static class Gunzip
{
    /// <summary>The shortest header, an empty block and the trailer.</summary>
    private const int MinBytes = 20;

    private const int FirstBufferBytes = 4096;

    public static GrpcResult<T> Parse<T>(ReadOnlySequence<byte> compressed, MessageParser<T> parser)
        where T : class, IMessage<T>
    {
        if (compressed.IsEmpty)
        {
            // Some libraries write nothing at all for an empty message.
            return parser.ParseFrom(compressed);
        }
        if (compressed.Length < MinBytes)
        {
            return Framing.Unreadable;
        }

        var input = ArrayPool<byte>.Shared.Rent((int)compressed.Length);
        var output = ArrayPool<byte>.Shared.Rent(FirstBufferBytes);
        try
        {
            compressed.CopyTo(input);
            var length = Inflate(new MemoryStream(input, 0, (int)compressed.Length, writable: false), ref output);
            if (length > Framing.MaxMessageBytes)
            {
                return Framing.TooLarge;
            }
            // GZipStream takes the end of its input for the end of the data; only the length in the trailer tells
            // that something is missing.
            var end = (int)compressed.Length;
            var announced = BinaryPrimitives.ReadUInt32LittleEndian(input.AsSpan(end - sizeof(uint), sizeof(uint)));
            return length == announced ? parser.ParseFrom(output, 0, length) : Framing.Unreadable;
        }
        catch (Exception e) when (e is InvalidDataException or InvalidProtocolBufferException)
        {
            return Framing.Unreadable;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(input);
            ArrayPool<byte>.Shared.Return(output);
        }
    }

    /// <summary>Returns the length, or more than a message may have without having read the rest.</summary>
    /// <param name="output">Rented; replaced by a larger one where needed.</param>
    private static int Inflate(MemoryStream input, ref byte[] output)
    {
        using var gzip = new GZipStream(input, CompressionMode.Decompress);
        var length = 0;
        while (length <= Framing.MaxMessageBytes)
        {
            if (length == output.Length)
            {
                var larger = ArrayPool<byte>.Shared.Rent(Math.Min(length * 2, Framing.MaxMessageBytes + 1));
                output.AsSpan(0, length).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(output);
                output = larger;
            }
            var read = gzip.Read(output, length, output.Length - length);
            if (read == 0)
            {
                break;
            }
            length += read;
        }
        return length;
    }
}
