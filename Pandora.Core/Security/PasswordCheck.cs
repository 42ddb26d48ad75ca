using Microsoft.AspNetCore.Identity;
using Npgsql;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;

namespace Pandora.Core.Security;

/// <summary>The outcome of a password check.</summary>
/// <param name="Account">Whose password it is. Null: the username or the password is wrong, or nothing was checked.</param>
/// <param name="Refusal">Why nobody is told whether it is right. Null: it was checked.</param>
internal readonly record struct PasswordVerdict(AdminAccount? Account, Error? Refusal);

/// <summary>
/// Compares passwords, and slows down those who guess. Every login, reauthentication and change of the password passes here.
/// </summary>
/// <remarks>
/// 1. A locked counter refuses at once; nothing waits for a hash, nothing is hashed.
/// 2. Wait for the permit to hash: only a few at once on this node. Sessions, and logins from where the last ones came, do
///    not wait for strangers.
/// 3. Look at the counters again: attempts before this one may have locked them.
/// 4. Hash, whoever it is. From here on the caller may hang up: the attempt counts all the same, and a change is made.
/// 5. In a transaction, take the counters: attempts that share one go one after the other, on all nodes. Callers who
///    find a counter locked now learn nothing about the password; so of any number of simultaneous guesses only as many are
///    answered as the counters allow, and a right password is never refused for coming with others.
/// 6. Only then do what a right password allows: what is done for a right one alone takes time, which tells.
/// </remarks>
internal sealed class PasswordCheck(
    NpgsqlDataSource dataSource, AdminAccounts accounts, PasswordHashing hashing, KnownLogins known, TimeProvider time)
{
    /// <summary>So strangers take two connections of the pool at most before they have a permit to hash.</summary>
    private readonly TurnQueue _looks = new(permits: 2, room: 32, patience: TimeSpan.FromSeconds(0.5));

    /// <summary>Of anybody.</summary>
    public Task<PasswordVerdict> LogInAsync(string username, string password, PeerAddress peer, CancellationToken ct) =>
        CheckAsync(new Attempt(username, password, peer, Session: null), _ => Task.FromResult<Error?>(null), ct);

    /// <summary>Of somebody with a session, who types the password again.</summary>
    public Task<PasswordVerdict> ConfirmAsync(AdminAccount session, string password, PeerAddress peer, CancellationToken ct) =>
        CheckAsync(new Attempt(session.Username, password, peer, session), _ => Task.FromResult<Error?>(null), ct);

    /// <summary>Of somebody with a session: the password is changed if the current one is right.</summary>
    /// <param name="tokenId">The token that stays good.</param>
    public Task<PasswordVerdict> ChangeAsync(
        AdminAccount session, string current, string replacement, string tokenId, PeerAddress peer, CancellationToken ct) =>
        CheckAsync(
            new Attempt(session.Username, current, peer, session), account => StoreAsync(account, replacement, tokenId), ct);

    /// <summary>Of somebody with a session whose change is forced, and who need not tell the current password.</summary>
    /// <param name="sameAsCurrent">The answer if the password would stay the same.</param>
    /// <returns>Null: it is changed.</returns>
    public async Task<Error?> ChangeForcedAsync(
        AdminAccount session, string replacement, string tokenId, PeerAddress peer, Error sameAsCurrent, CancellationToken ct)
    {
        using var permit = await hashing.AcquireAsync(peer, isKnown: true, ct);
        if (permit is null)
        {
            return PasswordHashing.Busy();
        }
        return await hashing.VerifyAsync(session.PasswordHash, replacement) != PasswordVerificationResult.Failed
            ? sameAsCurrent
            : await StoreAsync(session, replacement, tokenId);
    }

    /// <param name="proceed">Done when the password is right, while the permit to hash is held.</param>
    private async Task<PasswordVerdict> CheckAsync(Attempt attempt, Func<AdminAccount, Task<Error?>> proceed, CancellationToken ct)
    {
        // :: 1
        var isKnown = attempt.Session is not null || known.Contains(attempt.Username, attempt.Peer);
        if (await (isKnown ? LookAsync(attempt, ct) : LookInTurnAsync(attempt, ct)) is { } refusal)
        {
            return new PasswordVerdict(null, refusal);
        }

        // :: 2
        using var permit = await hashing.AcquireAsync(attempt.Peer, isKnown, ct);
        if (permit is null)
        {
            return new PasswordVerdict(null, PasswordHashing.Busy());
        }

        // :: 3
        var lockedMeanwhile = await LookAsync(attempt, ct);
        var account = await accounts.FindAsync(ct);
        if ((lockedMeanwhile ?? Outdated(attempt, account)) is { } refusalMeanwhile)
        {
            return new PasswordVerdict(null, refusalMeanwhile);
        }

        // :: 4
        var match = await CompareAsync(attempt, account);

        // :: 5
        if (await CountAsync(attempt, isRight: match != PasswordVerificationResult.Failed) is { } locked)
        {
            return new PasswordVerdict(null, locked);
        }
        if (match == PasswordVerificationResult.Failed)
        {
            return default;
        }

        // :: 6
        if (match == PasswordVerificationResult.SuccessRehashNeeded)
        {
            await accounts.RenewHashAsync(account!, await hashing.HashAsync(attempt.Password), CancellationToken.None);
        }
        return new PasswordVerdict(account, await proceed(account!));
    }

    private async Task<Error?> LookInTurnAsync(Attempt attempt, CancellationToken ct)
    {
        using var permit = await _looks.AcquireAsync(attempt.Peer.Neighbourhood, ct);
        return permit is null ? PasswordHashing.Busy() : await LookAsync(attempt, ct);
    }

    private async Task<Error?> LookAsync(Attempt attempt, CancellationToken ct)
    {
        var now = time.Now();
        await using var connection = await dataSource.OpenConnectionAsync(ct);
        return Locked(await attempt.Failures(connection, now).LookAsync(ct), now);
    }

    /// <summary>A session that was good when the call came has to be so still when it is its turn.</summary>
    private static Error? Outdated(Attempt attempt, AdminAccount? account) =>
        attempt.Session is { } session && session.CredentialVersion != account?.CredentialVersion ? ChangedMeanwhile() : null;

    private static Error ChangedMeanwhile() =>
        Error.Unauthorized("The password was changed by somebody else meanwhile.", tokenWasPresented: true);

    /// <summary>A password is hashed for an unknown username too, so that the time taken does not tell which names exist.</summary>
    private async Task<PasswordVerificationResult> CompareAsync(Attempt attempt, AdminAccount? account)
    {
        if (account is null)
        {
            return PasswordVerificationResult.Failed;
        }
        var result = await hashing.VerifyAsync(account.PasswordHash, attempt.Password);
        return attempt.Username == account.Username ? result : PasswordVerificationResult.Failed;
    }

    /// <returns>The refusal of an attempt that finds a counter locked.</returns>
    private async Task<Error?> CountAsync(Attempt attempt, bool isRight)
    {
        var ct = CancellationToken.None;
        await using var connection = await dataSource.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var now = time.Now();
        var failures = attempt.Failures(connection, now);
        if (Locked(await failures.TakeAsync(ct), now) is { } locked)
        {
            return locked;
        }
        await (isRight ? failures.ClearAsync(ct) : failures.CountAsync(ct));
        await transaction.CommitAsync(ct);
        if (isRight)
        {
            known.Add(attempt.Username, attempt.Peer);
        }
        return null;
    }

    private async Task<Error?> StoreAsync(AdminAccount account, string password, string tokenId) =>
        await accounts.ChangePasswordAsync(account, await hashing.HashAsync(password), tokenId, CancellationToken.None)
            ? null
            : ChangedMeanwhile();

    private static Error? Locked(DateTimeOffset? until, DateTimeOffset now) =>
        until > now
            ? new Error(ErrorCode.TooManyRequests, "Too many failed attempts. Wait before the next one.")
            {
                RetryAfterSeconds = (int)Math.Ceiling((until.Value - now).TotalSeconds),
            }
            : null;

    /// <summary>One try of a password.</summary>
    /// <param name="Session">The account as it was when the session was found good. Null: there is none.</param>
    private sealed record Attempt(string Username, string Password, PeerAddress Peer, AdminAccount? Session)
    {
        public LoginFailures Failures(NpgsqlConnection connection, DateTimeOffset now) => new(connection, Username, Peer, now);
    }
}
