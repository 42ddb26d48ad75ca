using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Pandora.Core.Gate.Idempotency;

/// <summary>The idempotency key of a check, as it is stored, and the fingerprint of what was asked.</summary>
/// <param name="Id">SHA-256 of the presented key, the method and the idempotency key.</param>
/// <param name="Fingerprint">SHA-256 of everything else that was asked.</param>
internal sealed record IdempotencyKey(byte[] Id, byte[] Fingerprint)
{
    /// <summary>The id in a form that can be compared.</summary>
    public UInt128 Key => BinaryPrimitives.ReadUInt128LittleEndian(Id);

    /// <summary>For the lock that lets one of several repetitions pass.</summary>
    public long LockId => BinaryPrimitives.ReadInt64LittleEndian(Id);

    /// <param name="keyHash">Look-up hash of the presented key.</param>
    /// <returns>Null: the check has no idempotency key.</returns>
    public static IdempotencyKey? From(Check check, byte[] keyHash)
    {
        if (check.IdempotencyKey is not { } idempotencyKey)
        {
            return null;
        }
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(keyHash);
        Append(hash, (long)check.Kind);
        Append(hash, idempotencyKey);
        var id = hash.GetHashAndReset();
        Append(hash, check.ServiceName);
        Append(hash, check.ServiceVersion);
        Append(hash, check.Quantity);
        Append(hash, check.TimeToLive.Ticks);
        Append(hash, check.Path);
        var method = LoggedMethod.NumberOf(check.Method);
        Append(hash, method);
        if (method == LoggedMethod.Other)
        {
            Append(hash, check.Method);
        }
        Append(hash, check.IpAddress);
        Append(hash, check.RequestTime?.UtcTicks ?? -1);
        Append(hash, check.Metadata.Body);
        Append(hash, check.Metadata.Cookies);
        Append(hash, check.Metadata.Headers);
        Append(hash, check.Metadata.QueryParams);
        Append(hash, check.Metadata.BodyContentType);
        return new IdempotencyKey(id, hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        hash.AppendData(bytes);
    }

    // With its length before it, so that no two lists of texts look alike.
    private static void Append(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Append(hash, bytes.Length);
        hash.AppendData(bytes);
    }
}
