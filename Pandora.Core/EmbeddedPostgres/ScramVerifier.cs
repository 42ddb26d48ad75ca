using System.Security.Cryptography;
using System.Text;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>
/// What PostgreSQL stores of a password for SCRAM-SHA-256 (RFC 5803). Made here, so that the password itself is never
/// part of a statement that the server could log or show.
/// </summary>
internal static class ScramVerifier
{
    private const int Iterations = 4096; // the server's own default
    private const int SaltBytes = 16;
    private const int KeyBytes = 32;

    public static string Of(string password)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);

        // Normalised the way Npgsql does it when it proves that it knows the password.
        var salted = Rfc2898DeriveBytes.Pbkdf2(
            Encoding.UTF8.GetBytes(password.Normalize(NormalizationForm.FormKC)), salt, Iterations, HashAlgorithmName.SHA256, KeyBytes);
        var storedKey = SHA256.HashData(HMACSHA256.HashData(salted, "Client Key"u8));
        var serverKey = HMACSHA256.HashData(salted, "Server Key"u8);
        return $"SCRAM-SHA-256${Iterations}:{Convert.ToBase64String(salt)}${Convert.ToBase64String(storedKey)}:{Convert.ToBase64String(serverKey)}";
    }
}
