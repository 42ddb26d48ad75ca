using Microsoft.AspNetCore.Identity;
using Npgsql;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;

namespace Pandora.Core.Security;

/// <summary>The outcome of a password check.</summary>
/// <param name="Account">Whose password it is. Null: the username or the password is wrong, or nothing was checked.</param>
/// <param name="Refusal">Why nothing was checked. Null: it was.</param>
internal readonly record struct PasswordVerdict(AdminAccount? Account, Error? Refusal);

/// <summary>Checks a username and a password, and slows down those who guess. Every login and reauthentication passes here.</summary>
/// <remarks>
/// 1. A locked counter refuses at once; nothing waits, nothing is hashed.
/// 2. Wait for a turn to hash: only a few at once on this node.
/// 3. Take the counters of the username and the peer, in a transaction: attempts that share one go one after the other,
///    on all nodes, so that no more guesses pass than the counters allow and no right password is refused for being early.
/// 4. Hash, whoever it is.
/// 5. Count the failure or clear the counters, and commit.
/// </remarks>
internal sealed class PasswordCheck(NpgsqlDataSource dataSource, PasswordHashing hashing, TimeProvider time)
{
    public async Task<PasswordVerdict> CheckAsync(string username, string password, string peer, CancellationToken ct)
    {
        // :: 1
        if (await LookAsync(username, peer, ct) is { } locked)
        {
            return new PasswordVerdict(null, locked);
        }

        // :: 2
        using var turn = await hashing.EnterAsync(ct);
        if (turn is null)
        {
            return new PasswordVerdict(null, PasswordHashing.Busy());
        }

        // :: 3
        await using var connection = await dataSource.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var now = time.Now();
        var counters = await LoginFailures.TakeAsync(connection, username, peer, now, ct);
        if (Locked(counters, now) is { } lockedMeanwhile)
        {
            return new PasswordVerdict(null, lockedMeanwhile);
        }

        // :: 4 and 5. A caller who hangs up from here on has used the attempt all the same.
        var account = await AdminAccounts.FindAsync(connection, CancellationToken.None);
        if (account is not null && await IsRightAsync(account, username, password, turn, connection))
        {
            await LoginFailures.ClearAsync(connection, counters, CancellationToken.None);
        }
        else
        {
            account = null;
            await LoginFailures.CountAsync(connection, counters, now, CancellationToken.None);
        }
        await transaction.CommitAsync(CancellationToken.None);
        return new PasswordVerdict(account, null);
    }

    // The hash is computed for an unknown username too, so that the time taken does not tell which names exist.
    private static async Task<bool> IsRightAsync(
        AdminAccount account, string username, string password, PasswordHashing.Turn turn, NpgsqlConnection connection)
    {
        var result = await turn.VerifyAsync(account.PasswordHash, password);
        if (username != account.Username || result == PasswordVerificationResult.Failed)
        {
            return false;
        }
        if (result == PasswordVerificationResult.SuccessRehashNeeded)
        {
            var renewed = await turn.HashAsync(password);
            await AdminAccounts.RenewHashAsync(connection, account.PasswordHash, renewed, CancellationToken.None);
        }
        return true;
    }

    private async Task<Error?> LookAsync(string username, string peer, CancellationToken ct)
    {
        var now = time.Now();
        await using var connection = await dataSource.OpenConnectionAsync(ct);
        return Locked(await LoginFailures.LookAsync(connection, username, peer, now, ct), now);
    }

    private static Error? Locked(IReadOnlyList<FailureCounter> counters, DateTimeOffset now) =>
        counters.Max(counter => counter.LockedUntil) is { } until && until > now
            ? new Error(ErrorCode.TooManyRequests, "Too many failed attempts. Wait before the next one.")
            {
                RetryAfterSeconds = (int)Math.Ceiling((until - now).TotalSeconds),
            }
            : null;
}
