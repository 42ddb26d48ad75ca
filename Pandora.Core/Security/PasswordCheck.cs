using Microsoft.AspNetCore.Identity;
using Npgsql;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;

namespace Pandora.Core.Security;

/// <summary>The outcome of a password check.</summary>
/// <param name="Account">Whose password it is. Null: the username or the password is wrong, or nothing was checked.</param>
/// <param name="Refusal">Why nobody is told whether it is right. Null: it was checked.</param>
internal readonly record struct PasswordVerdict(AdminAccount? Account, Error? Refusal);

/// <summary>Checks a username and a password, and slows down those who guess. Every login and reauthentication passes here.</summary>
/// <remarks>
/// 1. A locked counter refuses at once; nothing waits, nothing is hashed.
/// 2. Wait for the permit to hash: only a few at once on this node.
/// 3. Look at the counters again: attempts before this one may have locked them.
/// 4. Hash, whoever it is.
/// 5. In a transaction, take the counters: attempts that share one go one after the other, on all nodes. Callers who
///    find a counter locked now learn nothing about the password; so of any number of simultaneous guesses only as many are
///    answered as the counters allow, and a right password is never refused for coming with others.
/// </remarks>
internal sealed class PasswordCheck(NpgsqlDataSource dataSource, AdminAccounts accounts, PasswordHashing hashing, TimeProvider time)
{
    public async Task<PasswordVerdict> CheckAsync(string username, string password, string peer, CancellationToken ct)
    {
        // :: 1
        if (await LookAsync(username, peer, ct) is { } locked)
        {
            return new PasswordVerdict(null, locked);
        }

        // :: 2
        using var permit = await hashing.AcquireAsync(ct);
        if (!permit.IsAcquired)
        {
            return new PasswordVerdict(null, PasswordHashing.Busy());
        }

        // :: 3
        if (await LookAsync(username, peer, ct) is { } lockedMeanwhile)
        {
            return new PasswordVerdict(null, lockedMeanwhile);
        }

        // :: 4
        var (account, renewedHash) = await TryAsync(username, password, ct);

        // :: 5
        return await CountAsync(account, renewedHash, username, peer);
    }

    private async Task<Error?> LookAsync(string username, string peer, CancellationToken ct)
    {
        var now = time.Now();
        await using var connection = await dataSource.OpenConnectionAsync(ct);
        return Locked(await new LoginFailures(connection, username, peer, now).LookAsync(ct), now);
    }

    /// <summary>
    /// Whose password it is, null if it is wrong, and a hash to be stored in place of an outdated one. A password is hashed for an
    /// unknown username too, so that the time taken does not tell which names exist.
    /// </summary>
    private async Task<(AdminAccount? Account, string? RenewedHash)> TryAsync(string username, string password, CancellationToken ct)
    {
        if (await accounts.FindAsync(ct) is not { } account)
        {
            return (null, null);
        }
        var result = await hashing.VerifyAsync(account.PasswordHash, password);
        if (username != account.Username || result == PasswordVerificationResult.Failed)
        {
            return (null, null);
        }
        var outdated = result == PasswordVerificationResult.SuccessRehashNeeded;
        return (account, outdated ? await hashing.HashAsync(password) : null);
    }

    // A caller who hangs up has used the attempt all the same; hence no cancellation.
    private async Task<PasswordVerdict> CountAsync(AdminAccount? account, string? renewedHash, string username, string peer)
    {
        var ct = CancellationToken.None;
        await using var connection = await dataSource.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var now = time.Now();
        var failures = new LoginFailures(connection, username, peer, now);
        if (Locked(await failures.TakeAsync(ct), now) is { } locked)
        {
            return new PasswordVerdict(null, locked);
        }
        if (account is null)
        {
            await failures.CountAsync(ct);
        }
        else
        {
            await failures.ClearAsync(ct);
            if (renewedHash is not null)
            {
                await AdminAccounts.RenewHashAsync(connection, account, renewedHash, ct);
            }
        }
        await transaction.CommitAsync(ct);
        return new PasswordVerdict(account, null);
    }

    private static Error? Locked(DateTimeOffset? until, DateTimeOffset now) =>
        until > now
            ? new Error(ErrorCode.TooManyRequests, "Too many failed attempts. Wait before the next one.")
            {
                RetryAfterSeconds = (int)Math.Ceiling((until.Value - now).TotalSeconds),
            }
            : null;
}
