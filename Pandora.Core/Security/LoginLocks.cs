using System.Globalization;
using Npgsql;
using NpgsqlTypes;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;
using Pandora.Core.Settings;
using Pandora.ServiceDefaults;

namespace Pandora.Core.Security;

/// <summary>Clears the counters of failed logins for an operator, on all nodes at once.</summary>
internal static class LoginLocks
{
    /// <summary>With an attack going on there may be thousands.</summary>
    private const int LinesShown = 20;

    /// <summary>Writes a line for each counter it cleared, locked ones first, and how many there were.</summary>
    /// <param name="username">
    /// Exactly as it is typed at a login; the counters of the addresses where it failed go too, or these would keep it
    /// locked out. Null: all counters.
    /// </param>
    /// <exception cref="StartRefusedException">Nothing could be cleared.</exception>
    public static async Task ClearAsync(DatabaseAddress database, string? username, TextWriter output, CancellationToken ct)
    {
        try
        {
            var cleared = await DeleteAsync(database, username, ct);
            foreach (var line in cleared.Take(LinesShown))
            {
                await output.WriteLineAsync(line);
            }
            if (cleared.Count > LinesShown)
            {
                await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"and {cleared.Count - LinesShown} more"));
            }
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"cleared: {cleared.Count} counters"));
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn)
        {
            throw new StartRefusedException(
                "The database does not have the schema of this Pandora Core: start this version on it once, or choose another database.");
        }
        catch (Exception e) when (e is NpgsqlException || DatabaseFaults.IsUnavailable(e))
        {
            throw new StartRefusedException($"The counters cannot be cleared: {DatabaseWait.Reason(e)}");
        }
    }

    private static async Task<List<string>> DeleteAsync(DatabaseAddress database, string? username, CancellationToken ct)
    {
        const string Sql =
            """
            WITH cleared AS (
                DELETE FROM login_failure
                 WHERE $1::bytea IS NULL
                    OR username = $1
                    OR username = '' AND address IN (SELECT address FROM login_failure WHERE username = $1)
                RETURNING address, username, failures, locked_until)
            SELECT cleared.address, cleared.failures, cleared.locked_until,
                   CASE WHEN cleared.username = '' THEN 'any username'
                        WHEN cleared.username = $1 THEN $2
                        ELSE coalesce(account.username, 'another username') END
              FROM cleared
              LEFT JOIN admin_account AS account ON sha256(convert_to(account.username, 'UTF8')) = cleared.username
             ORDER BY cleared.locked_until DESC NULLS LAST, cleared.address, cleared.username
            """;
        await using var dataSource = DatabaseConnection.ForOperator(database);
        await using var command = dataSource.CreateCommand(Sql);
        command.Parameters.Add(new NpgsqlParameter
        {
            NpgsqlDbType = NpgsqlDbType.Bytea,
            Value = username is null ? DBNull.Value : LoginFailures.HashOf(username),
        });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = OneLine.Of(username ?? "") });
        List<string> lines = [];
        await using var row = await command.ExecuteReaderAsync(ct);
        while (await row.ReadAsync(ct))
        {
            var locked = row.IsDBNull(2) ? "not locked" : $"locked until {Instant(row.GetFieldValue<DateTimeOffset>(2))}";
            lines.Add(string.Create(
                CultureInfo.InvariantCulture, $"{row.GetString(3)} from {row.GetString(0)}: {row.GetInt32(1)} failures, {locked}"));
        }
        return lines;
    }

    private static string Instant(DateTimeOffset instant) =>
        instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
