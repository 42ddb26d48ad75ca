using System.Buffers.Binary;
using System.IO.Compression;
using Grpc.Core;
using Grpc.Net.Compression;

namespace Pandora.Core.Rpc;

/// <summary>Reads messages compressed with gzip; stops as soon as one turns out larger than a message may be.</summary>
/// <param name="limit">Largest message, in bytes.</param>
internal sealed class LimitedGzip(int limit) : ICompressionProvider
{
    private const int BufferBytes = 16_384;

    public string EncodingName => "gzip";

    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
        throw new NotSupportedException("Answers are not compressed.");

    /// <returns>The whole message: the library asks for no limit while it reads.</returns>
    /// <exception cref="InvalidDataException">It is not gzip, or something is missing.</exception>
    public Stream CreateDecompressionStream(Stream stream)
    {
        var input = new MemoryStream();
        stream.CopyTo(input);
        var output = new MemoryStream();
        if (input.Length == 0)
        {
            return output; // some libraries write nothing at all for an empty message
        }
        input.Position = 0;
        using var gzip = new GZipStream(input, CompressionMode.Decompress, leaveOpen: true);
        var buffer = new byte[BufferBytes];
        int read;
        while ((read = gzip.Read(buffer)) > 0)
        {
            output.Write(buffer, 0, read);
            if (output.Length > limit)
            {
                throw new RpcException(new Status(StatusCode.ResourceExhausted, $"The request message is larger than {limit} bytes."));
            }
        }
        // GZipStream takes the end of its input for the end of the data; only the length at the end tells that something is missing.
        var whole = input.GetBuffer().AsSpan(0, (int)input.Length);
        if (whole.Length < sizeof(uint) || BinaryPrimitives.ReadUInt32LittleEndian(whole[^sizeof(uint)..]) != output.Length)
        {
            throw new InvalidDataException("The message is not complete.");
        }
        output.Position = 0;
        return output;
    }
}
