using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Pandora.Core.Errors;

namespace Pandora.Core.Security;

/// <summary>
/// Slow, salted hashes of passwords: PBKDF2 with HMAC-SHA-512, parameters stored in the hash. Only a few are computed at
/// once, so that a flood of logins does not take the processors from everything else.
/// </summary>
internal sealed class PasswordHashing : IDisposable
{
    /// <summary>What OWASP asks of PBKDF2 with HMAC-SHA-512.</summary>
    private const int Iterations = 210_000;

    /// <summary>Who finds as many waiting is refused: each one in the queue holds memory.</summary>
    private const int LongestQueue = 64;

    private readonly PasswordHasher<PasswordHashing> _hasher =
        new(Options.Create(new PasswordHasherOptions { IterationCount = Iterations }));

    private readonly SemaphoreSlim _turns = new(Math.Clamp(Environment.ProcessorCount / 2, 1, 4));
    private int _waiting;

    /// <summary>The answer when <see cref="EnterAsync"/> gives no turn.</summary>
    public static Error Busy() =>
        new(ErrorCode.Unavailable, "Too many passwords are being checked. Try again shortly.") { RetryAfterSeconds = 1 };

    /// <summary>Waits for a turn to hash; dispose it to let the next one in. Null: too many wait already.</summary>
    public async Task<Turn?> EnterAsync(CancellationToken ct)
    {
        try
        {
            if (Interlocked.Increment(ref _waiting) > LongestQueue)
            {
                return null;
            }
            await _turns.WaitAsync(ct);
            return new Turn(this);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    public void Dispose() => _turns.Dispose();

    /// <summary>The right to hash now.</summary>
    internal sealed class Turn(PasswordHashing hashing) : IDisposable
    {
        private bool _over;

        public Task<string> HashAsync(string password) =>
            Task.Run(() => hashing._hasher.HashPassword(hashing, password));

        /// <summary><see cref="PasswordVerificationResult.SuccessRehashNeeded"/>: right, but hashed more weakly than today.</summary>
        public Task<PasswordVerificationResult> VerifyAsync(string hash, string password) =>
            Task.Run(() => hashing._hasher.VerifyHashedPassword(hashing, hash, password));

        public void Dispose()
        {
            if (!_over)
            {
                _over = true;
                hashing._turns.Release();
            }
        }
    }
}
