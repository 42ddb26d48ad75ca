using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Pandora.Core.Security;

namespace Pandora.Tests.Harness;

/// <summary>The administrator of every test database: the password is known and its change no longer forced.</summary>
internal static class TestAccount
{
    public const string Username = "Admin";
    public const string Password = "correct horse battery";

    /// <summary>Stores the account, hashed by the product.</summary>
    public static async Task CreateAsync(string connectionString)
    {
        await using var dataSource = NpgsqlDataSource.Create(connectionString);
        await using var services = new ServiceCollection()
            .AddSingleton(dataSource)
            .AddSingleton(TimeProvider.System)
            .AddSingleton<PasswordHashing>()
            .BuildServiceProvider();
        using var turn = await services.GetRequiredService<PasswordHashing>().EnterAsync(CancellationToken.None);
        await using var command = dataSource.CreateCommand(
            """
            INSERT INTO admin_account (id, username, password_hash, credential_version, force_password_reset)
            VALUES (1, $1, $2, 1, false)
            """);
        command.Parameters.AddWithValue(Username);
        command.Parameters.AddWithValue(await turn!.HashAsync(Password));
        await command.ExecuteNonQueryAsync();
    }
}
