using Npgsql;
using Pandora.Core.Security;

namespace Pandora.Tests.Harness;

/// <summary>The administrator of every test database: the password is known and its change no longer forced.</summary>
internal static class TestAccount
{
    public const string Username = "Admin";
    public const string Password = "correct horse battery";

    /// <summary>The lowest there is: every test signs in, and few are about the time a hash takes.</summary>
    public const int WorkFactor = 4;

    /// <summary>Stores the account, hashed by the product.</summary>
    public static async Task CreateAsync(string connectionString)
    {
        await using var dataSource = NpgsqlDataSource.Create(connectionString);
        var hashing = new PasswordHashing(WorkFactor);
        await using var command = dataSource.CreateCommand(
            """
            INSERT INTO admin_account (id, username, password_hash, credential_version, force_password_reset)
            VALUES (1, $1, $2, 1, false)
            """);
        command.Parameters.AddWithValue(Username);
        command.Parameters.AddWithValue(await hashing.HashAsync(Password));
        await command.ExecuteNonQueryAsync();
    }
}
