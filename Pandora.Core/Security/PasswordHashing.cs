using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Identity;
using Pandora.Core.Errors;

namespace Pandora.Core.Security;

/// <summary>
/// Slow, salted hashes of passwords: BCrypt over SHA-384, so that every character of a long password counts. Only a few are
/// computed at once, so that a flood of logins does not take the processors from everything else.
/// </summary>
/// <param name="workFactor">Each step doubles the time; 12 takes about a quarter of a second.</param>
internal sealed class PasswordHashing(int workFactor = 12) : IDisposable
{
    /// <summary>Precedes the BCrypt text, which does not tell itself that the password went through SHA-384 first.</summary>
    private const string Prefix = "sha384:";

    /// <summary>Callers beyond this many waiting are refused; one after the other, the last one waits for about 4 s.</summary>
    private const int LongestQueue = 16;

    /// <summary>Verifies what earlier versions stored: PBKDF2.</summary>
    private readonly PasswordHasher<PasswordHashing> _earlier = new();

    private readonly ConcurrencyLimiter _limiter = new(new ConcurrencyLimiterOptions
    {
        PermitLimit = Math.Clamp(Environment.ProcessorCount / 2, 1, 4),
        QueueLimit = LongestQueue,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    /// <summary>The answer to callers who got no permit.</summary>
    public static Error Busy() =>
        new(ErrorCode.Unavailable, "Too many passwords are being checked. Try again shortly.") { RetryAfterSeconds = 1 };

    /// <summary>
    /// Waits for the permit to hash and verify; disposing it lets the next caller in. Not acquired: too many wait already.
    /// </summary>
    public ValueTask<RateLimitLease> AcquireAsync(CancellationToken ct) => _limiter.AcquireAsync(1, ct);

    public Task<string> HashAsync(string password) =>
        Task.Run(() => Prefix + BCrypt.Net.BCrypt.EnhancedHashPassword(password, workFactor, BCrypt.Net.HashType.SHA384));

    /// <summary>
    /// <see cref="PasswordVerificationResult.SuccessRehashNeeded"/>: right, but stored by an earlier version or with another
    /// work factor.
    /// </summary>
    public Task<PasswordVerificationResult> VerifyAsync(string hash, string password) => Task.Run(() => Verify(hash, password));

    public void Dispose() => _limiter.Dispose();

    private PasswordVerificationResult Verify(string hash, string password)
    {
        var outdated = !hash.StartsWith(Prefix, StringComparison.Ordinal);
        if (outdated
            ? _earlier.VerifyHashedPassword(this, hash, password) == PasswordVerificationResult.Failed
            : !BCrypt.Net.BCrypt.EnhancedVerify(password, hash[Prefix.Length..], BCrypt.Net.HashType.SHA384))
        {
            return PasswordVerificationResult.Failed;
        }
        return outdated || BCrypt.Net.BCrypt.PasswordNeedsRehash(hash[Prefix.Length..], workFactor)
            ? PasswordVerificationResult.SuccessRehashNeeded
            : PasswordVerificationResult.Success;
    }
}
