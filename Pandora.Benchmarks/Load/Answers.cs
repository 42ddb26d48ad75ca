using System.Buffers.Binary;

namespace Pandora.Benchmarks.Load;

/// <summary>Reads out of the bytes of an answer what proves that it is one.</summary>
internal static class Answers
{
    public const int ReservationIdBytes = 36;

    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int LengthDelimited = 2;
    private const int Fixed32 = 5;

    private const int BaseResponse = 1;
    private const int Valid = 1;
    private const int ReservationId = 3;

    /// <summary>True: the message says that the key may pass.</summary>
    /// <param name="body">One whole message with its prefix.</param>
    /// <param name="reservationId">Gets the id of the reservation. Empty: none is looked for.</param>
    public static bool IsValid(CallKind kind, ReadOnlySpan<byte> body, Span<byte> reservationId)
    {
        if (body.Length < RequestBodies.PrefixBytes
            || body[0] != 0
            || BinaryPrimitives.ReadInt32BigEndian(body[1..]) != body.Length - RequestBodies.PrefixBytes)
        {
            return false;
        }
        var message = body[RequestBodies.PrefixBytes..];
        if (kind == CallKind.Validate)
        {
            return Find(message, Valid, out var valid, out _) && valid == 1;
        }
        if (!Find(message, BaseResponse, out _, out var inner) || !Find(inner, Valid, out var flag, out _) || flag != 1)
        {
            return false;
        }
        return reservationId.IsEmpty
            || (Find(message, ReservationId, out _, out var id) && id.Length == ReservationIdBytes && id.TryCopyTo(reservationId));
    }

    /// <summary>The first field with a number; false when there is none, or the message cannot be read.</summary>
    private static bool Find(ReadOnlySpan<byte> message, int field, out ulong number, out ReadOnlySpan<byte> bytes)
    {
        number = 0;
        bytes = default;
        while (!message.IsEmpty)
        {
            var tag = ReadVarint(ref message);
            var length = (tag & 7) switch
            {
                Varint => 0,
                Fixed64 => 8,
                LengthDelimited => (int)Math.Min(ReadVarint(ref message), int.MaxValue),
                Fixed32 => 4,
                _ => int.MaxValue,
            };
            if (length > message.Length)
            {
                return false;
            }
            number = (tag & 7) == Varint ? ReadVarint(ref message) : 0;
            bytes = message[..length];
            message = message[length..];
            if (tag >> 3 == (ulong)field)
            {
                return true;
            }
        }
        return false;
    }

    private static ulong ReadVarint(ref ReadOnlySpan<byte> message)
    {
        var value = 0UL;
        for (var shift = 0; !message.IsEmpty; shift += 7)
        {
            var next = message[0];
            message = message[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if ((next & 0x80) == 0)
            {
                break;
            }
        }
        return value;
    }
}
