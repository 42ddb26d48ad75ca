using System.Buffers;
using Pandora.Core.Errors;

namespace Pandora.Core.Rest;

/// <summary>Reads a body: whole, or piece by piece without keeping it.</summary>
internal static class RequestBytes
{
    /// <summary>Larger bodies are refused with 413. Kestrel has no limit: its own would cut off a caller who is still sending.</summary>
    private const int Limit = 1_048_576;

    /// <summary>All of it, within the memory that there is for bodies.</summary>
    /// <exception cref="BadHttpRequestException">The body is not framed as HTTP wants it, or ends too early.</exception>
    public static async Task<(byte[] Bytes, Error? Fault)> ReadAsync(HttpRequest request)
    {
        var context = request.HttpContext;
        var memory = context.RequestServices.GetRequiredService<BodyMemory>()
            .Open(isKnown: context.User.Identity is { IsAuthenticated: true });
        context.Response.RegisterForDispose(memory);
        byte[] bytes = [];
        var fault = await ReadAsync(request, (body, isWhole) =>
        {
            if (!memory.Covers(body.Length))
            {
                return (body.Start, Error.Busy("Too many large bodies are being read at the moment. Try again shortly."));
            }
            bytes = isWhole ? body.ToArray() : bytes;
            return (body.Start, null);
        });
        return (bytes, fault);
    }

    /// <summary>Hands it on in pieces, as they come.</summary>
    /// <inheritdoc cref="ReadAsync(HttpRequest)"/>
    public static Task<Error?> PassAsync(HttpRequest request, Action<ReadOnlySequence<byte>> take) =>
        ReadAsync(request, (piece, _) =>
        {
            take(piece);
            return (piece.End, null);
        });

    /// <param name="look">Gets what is there, and whether that is all; says up to where it need not see it again.</param>
    /// <returns>Why the body is refused; Kestrel drains the rest of it, for a few seconds at most. Null: it was read to its end.</returns>
    private static async Task<Error?> ReadAsync(
        HttpRequest request, Func<ReadOnlySequence<byte>, bool, (SequencePosition Done, Error? Fault)> look)
    {
        if (request.ContentLength > Limit)
        {
            return Error.TooLarge(Limit);
        }
        try
        {
            for (var passed = 0L; ;)
            {
                var read = await request.BodyReader.ReadAsync(request.HttpContext.RequestAborted);
                var body = read.Buffer;
                if (passed + body.Length > Limit)
                {
                    request.BodyReader.AdvanceTo(body.End);
                    return Error.TooLarge(Limit);
                }
                var (done, fault) = look(body, read.IsCompleted);
                passed += body.Slice(0, done).Length;
                request.BodyReader.AdvanceTo(fault is null && !read.IsCompleted ? done : body.End, body.End);
                if (fault is not null || read.IsCompleted)
                {
                    return fault;
                }
            }
        }
        catch (IOException e) when (e is not BadHttpRequestException)
        {
            // A chunk whose length no number can hold, or a connection that was reset: it says nothing of the database.
            throw new BadHttpRequestException("The body cannot be read.", e);
        }
    }
}
