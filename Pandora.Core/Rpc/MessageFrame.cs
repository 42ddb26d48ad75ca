using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace Pandora.Core.Rpc;

/// <summary>Looks at what stands before a message: whether it is compressed, and its length. All bytes stay for the next reader.</summary>
internal static class MessageFrame
{
    private const int HeaderBytes = 5;
    private const int LargestGzipRatio = 1_032;

    /// <summary>Whether the body is there, and is one small message as it should be: most are.</summary>
    public static bool IsWhole(PipeReader body)
    {
        if (!body.TryRead(out var read))
        {
            return false;
        }
        var isWhole = read is { IsCompleted: true, Buffer.Length: >= HeaderBytes and <= MessageBudget.FreeBytes }
            && read.Buffer.FirstSpan is [0, _, _, _, _, ..] first
            && BinaryPrimitives.ReadUInt32BigEndian(first[1..]) == read.Buffer.Length - HeaderBytes;
        body.AdvanceTo(read.Buffer.Start);
        return isWhole;
    }

    /// <summary>
    /// How much memory the message will take. Of a compressed one nothing is known but that it cannot grow to more than a
    /// message may have, nor by more than gzip can pack.
    /// </summary>
    public static async ValueTask<long> ReadSizeAsync(PipeReader body)
    {
        while (true)
        {
            ReadResult read;
            try
            {
                read = await body.ReadAsync();
            }
            catch (Exception e) when (e is IOException or BadHttpRequestException or OperationCanceledException)
            {
                return 0; // the library comes upon the same, and says so
            }
            var size = SizeOf(read.Buffer);
            var isEnough = size is not null || read.IsCompleted || read.IsCanceled;
            body.AdvanceTo(read.Buffer.Start, isEnough ? read.Buffer.Start : read.Buffer.End);
            if (isEnough)
            {
                return size ?? 0;
            }
        }
    }

    private static long? SizeOf(ReadOnlySequence<byte> buffer)
    {
        if (buffer.Length < HeaderBytes)
        {
            return null;
        }
        Span<byte> header = stackalloc byte[HeaderBytes];
        buffer.Slice(0, HeaderBytes).CopyTo(header);
        var length = Math.Min(BinaryPrimitives.ReadUInt32BigEndian(header[1..]), RpcPipeline.MaxMessageBytes);
        return header[0] == 0 ? length : Math.Min(length * LargestGzipRatio, RpcPipeline.MaxMessageBytes);
    }
}
