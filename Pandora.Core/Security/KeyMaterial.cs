using System.Security.Cryptography;
using System.Text;

namespace Pandora.Core.Security;

/// <summary>
/// A secret that encrypts the texts of API keys for reveal, with AES-256-GCM. Each text is bound to the look-up hash of its
/// key, so that a ciphertext moved to another record does not open.
/// </summary>
internal sealed class KeyMaterial
{
    private const int SecretSize = 32;
    private const int NonceSize = 12;
    private const int TagSize = 16;

    /// <summary>First byte of what <see cref="Seal"/> makes; another layout would get another number.</summary>
    private const byte Layout = 1;

    private readonly byte[] _secret;

    private KeyMaterial(byte[] secret)
    {
        _secret = secret;
        Id = Convert.ToHexStringLower(HMACSHA256.HashData(secret, "Pandora Core: which key material is this?"u8).AsSpan(0, 16));
    }

    /// <summary>32 hexadecimal digits that follow from the secret but do not tell it.</summary>
    public string Id { get; }

    public static KeyMaterial Make() => new(RandomNumberGenerator.GetBytes(SecretSize));

    /// <summary>Null: the text is not what <see cref="Export"/> returns.</summary>
    public static KeyMaterial? Import(string text)
    {
        var secret = new byte[SecretSize];
        return Convert.TryFromBase64String(text.Trim(), secret, out var size) && size == SecretSize ? new KeyMaterial(secret) : null;
    }

    /// <summary>The secret itself, as a line of text for a file.</summary>
    public string Export() => Convert.ToBase64String(_secret) + "\n";

    /// <param name="keyHash">The look-up hash of the key; not part of the result, but needed to open it.</param>
    public byte[] Seal(string keyText, ReadOnlySpan<byte> keyHash)
    {
        var plain = Encoding.UTF8.GetBytes(keyText);
        var result = new byte[1 + NonceSize + TagSize + plain.Length];
        result[0] = Layout;
        var nonce = result.AsSpan(1, NonceSize);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(_secret, TagSize);
        aes.Encrypt(nonce, plain, result.AsSpan(1 + NonceSize + TagSize), result.AsSpan(1 + NonceSize, TagSize), keyHash);
        CryptographicOperations.ZeroMemory(plain);
        return result;
    }

    /// <summary>The text of the key. Null: not sealed by this material for this key, or changed since.</summary>
    public string? Open(ReadOnlySpan<byte> seal, ReadOnlySpan<byte> keyHash)
    {
        if (seal.Length < 1 + NonceSize + TagSize || seal[0] != Layout)
        {
            return null;
        }
        var plain = new byte[seal.Length - 1 - NonceSize - TagSize];
        using var aes = new AesGcm(_secret, TagSize);
        try
        {
            aes.Decrypt(
                seal.Slice(1, NonceSize), seal[(1 + NonceSize + TagSize)..], seal.Slice(1 + NonceSize, TagSize), plain, keyHash);
            return Encoding.UTF8.GetString(plain);
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }
}
