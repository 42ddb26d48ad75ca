using Microsoft.AspNetCore.Identity;
using Pandora.Core.Errors;

namespace Pandora.Core.Security;

/// <summary>
/// Slow, salted hashes of passwords: BCrypt over SHA-384, so that every character of a long password counts. Only a few are
/// computed at once, so that a flood of logins does not take the processors from everything else.
/// </summary>
/// <param name="workFactor">Each step doubles the time; 12 takes about a quarter of a second.</param>
internal sealed class PasswordHashing(int workFactor = 12)
{
    /// <summary>Precedes the BCrypt text, which does not tell itself that the password went through SHA-384 first.</summary>
    private const string Prefix = "sha384:";

    /// <summary>About as many as are hashed within the time that one of them may wait.</summary>
    private const int LongestQueue = 16;

    /// <summary>With the hashes of its own, a caller hears within 4 s or so, one way or the other.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(3);

    /// <summary>Verifies what earlier versions stored: PBKDF2.</summary>
    private readonly PasswordHasher<PasswordHashing> _earlier = new();

    private readonly TurnQueue _strangers = new(Math.Clamp(Environment.ProcessorCount / 2, 1, 4), LongestQueue, LongestWait);
    private readonly TurnQueue _known = new(Math.Clamp(Environment.ProcessorCount / 4, 1, 2), LongestQueue, LongestWait);

    /// <summary>The answer to callers who got no permit.</summary>
    public static Error Busy() =>
        new(ErrorCode.Unavailable, "Too many passwords are being checked. Try again shortly.") { RetryAfterSeconds = 1 };

    /// <summary>
    /// Waits for the permit to hash and verify; disposing it lets the next caller in. Null: too many wait already, or it took
    /// too long.
    /// </summary>
    /// <param name="isKnown">
    /// Whether the caller has shown before, by a token or from the same address, that they know the password. These do not
    /// wait for others.
    /// </param>
    public ValueTask<TurnQueue.Permit?> AcquireAsync(PeerAddress peer, bool isKnown, CancellationToken ct) =>
        (isKnown ? _known : _strangers).AcquireAsync(peer.Neighbourhood, ct);

    public Task<string> HashAsync(string password) =>
        Task.Run(() => Prefix + BCrypt.Net.BCrypt.EnhancedHashPassword(password, workFactor, BCrypt.Net.HashType.SHA384));

    /// <summary>
    /// <see cref="PasswordVerificationResult.SuccessRehashNeeded"/>: right, but stored by an earlier version or with another
    /// work factor.
    /// </summary>
    public Task<PasswordVerificationResult> VerifyAsync(string hash, string password) => Task.Run(() => Verify(hash, password));

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
