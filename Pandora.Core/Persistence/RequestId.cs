using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Pandora.Core.Persistence;

/// <summary>
/// Ids of log rows: UUIDv7 whose time is exact to the microsecond. The leading 48 bits are milliseconds, the 12 bits after
/// the version the microseconds within them, the rest is random.
/// </summary>
internal static class RequestId
{
    private const int MicrosecondsPerMillisecond = 1000;

    /// <summary>An id for a row recorded at <paramref name="instant"/>.</summary>
    public static Guid At(DateTimeOffset instant)
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes[8..]);
        return At(instant, bytes);
    }

    /// <summary>Ids for rows recorded at <paramref name="instant"/>; cheaper than one by one.</summary>
    public static void Fill(Span<Guid> ids, DateTimeOffset instant)
    {
        Span<byte> random = stackalloc byte[8 * 64];
        Span<byte> bytes = stackalloc byte[16];
        for (var i = 0; i < ids.Length; i++)
        {
            if (i % 64 == 0)
            {
                RandomNumberGenerator.Fill(random);
            }
            random.Slice(i % 64 * 8, 8).CopyTo(bytes[8..]);
            ids[i] = At(instant, bytes);
        }
    }

    /// <summary>The lowest id of rows recorded at <paramref name="instant"/>, to the millisecond, or later; no row has it.</summary>
    public static Guid LowestAt(DateTimeOffset instant)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteInt64BigEndian(bytes, Math.Max(0, instant.ToUnixTimeMilliseconds()) << 16);
        bytes[8..].Clear();
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>The time of recording. Ids made elsewhere may say less than a millisecond; then that is all there is.</summary>
    public static DateTimeOffset TimeOf(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        var head = BinaryPrimitives.ReadInt64BigEndian(bytes);
        var milliseconds = Math.Min(head >>> 16, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds());
        var microseconds = head & 0xFFF;
        return DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
            .AddMicroseconds(microseconds < MicrosecondsPerMillisecond ? microseconds : 0);
    }

    private static Guid At(DateTimeOffset instant, Span<byte> bytes)
    {
        var milliseconds = instant.ToUnixTimeMilliseconds();
        var microseconds = instant.UtcTicks / TimeSpan.TicksPerMicrosecond % MicrosecondsPerMillisecond;
        BinaryPrimitives.WriteInt64BigEndian(bytes, (milliseconds << 16) | 0x7000 | microseconds);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
