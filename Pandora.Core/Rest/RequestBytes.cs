namespace Pandora.Core.Rest;

/// <summary>Reads a body whole.</summary>
internal static class RequestBytes
{
    /// <summary>Larger bodies are refused with 413. Kestrel has no limit: its own would cut off a caller who is still sending.</summary>
    public const int Limit = 1_048_576;

    private const int ChunkSize = 65_536;

    /// <summary>Null: the body is larger than <see cref="Limit"/>; Kestrel drains the rest, for a few seconds at most.</summary>
    public static async Task<ReadOnlyMemory<byte>?> TryReadAsync(HttpRequest request)
    {
        if (request.ContentLength > Limit)
        {
            return null;
        }
        using var buffer = new MemoryStream();
        var chunk = new byte[ChunkSize];
        while (await request.Body.ReadAsync(chunk, request.HttpContext.RequestAborted) is > 0 and var length)
        {
            if (buffer.Length + length > Limit)
            {
                return null;
            }
            buffer.Write(chunk, 0, length);
        }
        return buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
    }
}
