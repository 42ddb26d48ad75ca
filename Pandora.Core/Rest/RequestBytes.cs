using System.Buffers;

namespace Pandora.Core.Rest;

/// <summary>Reads a body whole.</summary>
internal static class RequestBytes
{
    /// <summary>Larger bodies are refused with 413. Kestrel has no limit: its own would cut off a caller who is still sending.</summary>
    public const int Limit = 1_048_576;

    /// <summary>Null: the body is larger than <see cref="Limit"/>; Kestrel drains the rest, for a few seconds at most.</summary>
    public static async Task<byte[]?> TryReadAsync(HttpRequest request)
    {
        if (request.ContentLength > Limit)
        {
            return null;
        }
        var read = await request.BodyReader.ReadAtLeastAsync(Limit + 1, request.HttpContext.RequestAborted);
        var bytes = read.Buffer.Length > Limit ? null : read.Buffer.ToArray();
        request.BodyReader.AdvanceTo(read.Buffer.End);
        return bytes;
    }
}
