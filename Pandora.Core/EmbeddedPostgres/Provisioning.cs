using System.Diagnostics.CodeAnalysis;
using Npgsql;
using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>Makes the product's role and database what the settings say, at each start.</summary>
internal static class Provisioning
{
    /// <param name="connectAsSuperuser">Gives the address of a database for the superuser.</param>
    public static async Task ApplyAsync(
        Func<string, DatabaseAddress> connectAsSuperuser, DatabaseSettings.Embedded settings, CancellationToken ct)
    {
        await using var source = Source(connectAsSuperuser("postgres"));
        await using var server = await source.OpenConnectionAsync(ct);
        var role = Identifier(settings.User);
        var database = Identifier(settings.Name);

        var verb = await ExistsAsync(server, "SELECT 1 FROM pg_roles WHERE rolname = $1", settings.User, ct) ? "ALTER" : "CREATE";
        await RunAsync(
            server, $"{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{ScramVerifier.Of(settings.Password)}'", ct);

        if (!await ExistsAsync(server, "SELECT 1 FROM pg_database WHERE datname = $1", settings.Name, ct))
        {
            await RunAsync(server, $"CREATE DATABASE {database} OWNER {role}", ct);
        }
        else if (await FormerOwnerAsync(server, settings, ct) is { } former)
        {
            // PANDORA_DB_USER has changed: the new role takes over what the old one made.
            await using var databaseSource = Source(connectAsSuperuser(settings.Name));
            await using var inDatabase = await databaseSource.OpenConnectionAsync(ct);
            await RunAsync(inDatabase, $"REASSIGN OWNED BY {Identifier(former)} TO {role}", ct);
        }
    }

    private static NpgsqlDataSource Source(DatabaseAddress address) => address.Build(new NpgsqlDataSourceBuilder(address.ConnectionString));

    private static async Task<bool> ExistsAsync(
        NpgsqlConnection connection, [ConstantExpected] string sql, string name, CancellationToken ct)
    {
        await using var command = Command(connection, sql);
        command.Parameters.AddWithValue(name);
        return await command.ExecuteScalarAsync(ct) is not null;
    }

    /// <summary>Whoever owns the database instead of the configured role; null when it is that role.</summary>
    private static async Task<string?> FormerOwnerAsync(
        NpgsqlConnection connection, DatabaseSettings.Embedded settings, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1 AND pg_get_userbyid(datdba) NOT IN ($2, $3)",
            connection);
        command.Parameters.AddWithValue(settings.Name);
        command.Parameters.AddWithValue(settings.User);
        command.Parameters.AddWithValue(Cluster.Superuser);
        return (string?)await command.ExecuteScalarAsync(ct);
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = Command(connection, sql);
        await command.ExecuteNonQueryAsync(ct);
    }

    [SuppressMessage("Security", "CA2100", Justification = "Roles and databases cannot be parameters; names are quoted as identifiers.")]
    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql) => new(sql, connection);

    private static string Identifier(string name) => new NpgsqlCommandBuilder().QuoteIdentifier(name);
}
