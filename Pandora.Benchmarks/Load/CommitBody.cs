namespace Pandora.Benchmarks.Load;

/// <summary>The body of a Commit, which is the same for all reservations but for the id.</summary>
internal static class CommitBody
{
    private const byte FirstField = (1 << 3) | 2;

    /// <summary>Two messages, one in the other, each with a tag and a length of one byte.</summary>
    private const int IdOffset = RequestBodies.PrefixBytes + 4;

    public const int Bytes = IdOffset + Answers.ReservationIdBytes;

    public static byte[] Make() => RequestBodies.Framed(
    [
        FirstField, Answers.ReservationIdBytes + 2,
        FirstField, Answers.ReservationIdBytes,
        .. new byte[Answers.ReservationIdBytes],
    ]);

    public static void Fill(byte[] body, ReadOnlySpan<byte> reservationId) => reservationId.CopyTo(body.AsSpan(IdOffset));
}
