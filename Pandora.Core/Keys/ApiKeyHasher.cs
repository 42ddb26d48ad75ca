using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Pandora.Core.Settings;

namespace Pandora.Core.Keys;

/// <summary>
/// The hash by which a presented key is looked up: SHA-256 of its text, or HMAC-SHA-256 under the operator's pepper. A fast
/// hash is right here: a key has 256 bits of entropy, too many to guess. Safe for use by many threads.
/// </summary>
internal sealed class ApiKeyHasher(PandoraSettings settings) : IDisposable
{
    private const int StackLimit = 512;

    // Kept for each thread: to make one takes as long as to hash a key.
    private readonly ThreadLocal<IncrementalHash> _hash = new(() => settings.ApiKeyPepper is { } pepper
        ? IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, pepper)
        : IncrementalHash.CreateHash(HashAlgorithmName.SHA256));

    /// <summary>
    /// Says under which pepper the hashes are made without telling the pepper; two nodes look up the same keys only if
    /// theirs is equal.
    /// </summary>
    public string PepperMark { get; } = settings.ApiKeyPepper is { } pepper
        ? Convert.ToHexStringLower(HMACSHA256.HashData(pepper, "Pandora Core: which pepper is this?"u8))
        : "none";

    /// <summary>32 bytes.</summary>
    public byte[] Hash(string keyText)
    {
        var most = Encoding.UTF8.GetMaxByteCount(keyText.Length);
        var rented = most > StackLimit ? ArrayPool<byte>.Shared.Rent(most) : null;
        var buffer = rented ?? stackalloc byte[StackLimit];
        try
        {
            var hash = _hash.Value!;
            hash.AppendData(buffer[..Encoding.UTF8.GetBytes(keyText, buffer)]);
            return hash.GetHashAndReset();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    public void Dispose() => _hash.Dispose();
}
