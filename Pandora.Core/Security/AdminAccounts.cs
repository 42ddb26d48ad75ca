using System.Security.Cryptography;
using Npgsql;

namespace Pandora.Core.Security;

/// <summary>The one administrator, as stored.</summary>
/// <param name="Id">Always 1.</param>
/// <param name="CredentialVersion">Raised by each password change; a token is good under the version it was issued with.</param>
/// <param name="ExemptTokenId"><c>jti</c> of the token that made the last change and stays good. Null: none.</param>
internal sealed record AdminAccount(
    int Id, string Username, string PasswordHash, int CredentialVersion, bool ForcePasswordReset, string? ExemptTokenId);

/// <summary>Keeps the account of the administrator, shared by all nodes.</summary>
internal sealed class AdminAccounts(NpgsqlDataSource dataSource, PasswordHashing hashing)
{
    private const string Username = "Admin";
    private const int FirstPasswordLength = 16;
    private const string FirstPasswordAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>Null: there is none, until the next start makes one.</summary>
    public async Task<AdminAccount?> FindAsync(CancellationToken ct)
    {
        const string Sql =
            "SELECT id, username, password_hash, credential_version, force_password_reset, exempt_token_id FROM admin_account WHERE id = 1";
        await using var command = dataSource.CreateCommand(Sql);
        await using var row = await command.ExecuteReaderAsync(ct);
        return await row.ReadAsync(ct)
            ? new AdminAccount(
                row.GetInt32(0),
                row.GetString(1),
                row.GetString(2),
                row.GetInt32(3),
                row.GetBoolean(4),
                row.IsDBNull(5) ? null : row.GetString(5))
            : null;
    }

    /// <summary>
    /// Makes the account if there is none. Of several nodes exactly one makes it, and only that one prints the password,
    /// once it is stored.
    /// </summary>
    /// <param name="print">Gets the whole block in one call.</param>
    public async Task CreateFirstAsync(Action<string> print, CancellationToken ct)
    {
        if (await FindAsync(ct) is not null)
        {
            return;
        }
        var password = RandomNumberGenerator.GetString(FirstPasswordAlphabet, FirstPasswordLength);
        // The version starts anywhere: tokens of an account that was removed must not suit the new one.
        var version = RandomNumberGenerator.GetInt32(1, 1 << 30);
        const string Sql =
            """
            INSERT INTO admin_account (id, username, password_hash, credential_version, force_password_reset)
            VALUES (1, $1, $2, $3, true)
            ON CONFLICT DO NOTHING
            """;
        await using var command = dataSource.CreateCommand(Sql);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = Username });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = await hashing.HashAsync(password) });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = version });
        if (await command.ExecuteNonQueryAsync(ct) == 1)
        {
            print($"[INFO] Default admin credentials:\n        - Username: {Username}\n        - Password: {password}\n");
        }
    }

    /// <summary>
    /// Stores a new password, lifts the forced change and makes every token invalid except <paramref name="tokenId"/>, all
    /// or nothing. False: the password was changed since <paramref name="account"/> was read, nothing is stored.
    /// </summary>
    public async Task<bool> ChangePasswordAsync(AdminAccount account, string hash, string tokenId, CancellationToken ct)
    {
        const string Sql =
            """
            UPDATE admin_account
               SET password_hash = $1, force_password_reset = false, exempt_token_id = $2,
                   credential_version = credential_version + 1
             WHERE id = $3 AND credential_version = $4
            """;
        await using var command = dataSource.CreateCommand(Sql);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = hash });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = tokenId });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = account.Id });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = account.CredentialVersion });
        return await command.ExecuteNonQueryAsync(ct) == 1;
    }

    /// <summary>Replaces an outdated hash of the same password, unless the password was changed meanwhile.</summary>
    /// <param name="account">With the outdated hash.</param>
    public async Task RenewHashAsync(AdminAccount account, string renewed, CancellationToken ct)
    {
        await using var command = dataSource.CreateCommand(
            "UPDATE admin_account SET password_hash = $1 WHERE id = $2 AND password_hash = $3");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = renewed });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = account.Id });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = account.PasswordHash });
        await command.ExecuteNonQueryAsync(ct);
    }
}
