using System.Data;
using System.Globalization;
using Npgsql;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;
using Pandora.Core.Persistence.Migrations;
using Pandora.Core.Settings;

namespace Pandora.Core.Verification;

/// <summary>
/// Proves that counters, reservations, remembered answers and API keys say what the request log says. It only reads, in
/// one snapshot, so nodes may go on serving meanwhile.
/// </summary>
internal static class Books
{
    // Timestamps are written alike whatever the database's own settings; and a scan of a large log takes its time.
    private const string Prepare =
        """
        SET TRANSACTION READ ONLY;
        SET LOCAL statement_timeout = 0;
        SET LOCAL timezone = 'UTC';
        SET LOCAL datestyle = 'ISO';
        SET LOCAL work_mem = '64MB'
        """;

    /// <summary>Writes one line for each difference, then the summary.</summary>
    /// <param name="now">
    /// Tells which reservations have ended and which answers are still remembered. Null: the database's time.
    /// </param>
    /// <exception cref="StartRefusedException">The check could not be made.</exception>
    public static async Task<BooksReport> VerifyAsync(
        DatabaseAddress database, DateTimeOffset? now, TextWriter output, CancellationToken ct)
    {
        try
        {
            await using var dataSource = DatabaseConnection.ForVerification(database);
            await using var connection = await dataSource.OpenConnectionAsync(ct);
            await RefuseOtherSchemaAsync(connection, ct);
            var report = await CompareAsync(connection, now, output, ct);
            foreach (var line in report.Summary())
            {
                await output.WriteLineAsync(line);
            }
            return report;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedTable)
        {
            throw new StartRefusedException("The database holds nothing of Pandora Core: start the server on it once, or choose another database.");
        }
        catch (Exception e) when (e is NpgsqlException || DatabaseFaults.IsUnavailable(e))
        {
            throw new StartRefusedException($"The database cannot be verified: {DatabaseWait.Reason(e)}");
        }
    }

    private static async Task RefuseOtherSchemaAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var known = Migration.All[^1].Version;
        await using var command = new NpgsqlCommand("SELECT max(version) FROM schema_migration", connection);
        var version = await command.ExecuteScalarAsync(ct) as int?;
        if (version != known)
        {
            throw new StartRefusedException(
                $"The database has schema version {version}, this Pandora Core verifies version {known}: use the version of Pandora Core that serves from this database.");
        }
    }

    private static async Task<DateTime> ReadNowAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var question = new NpgsqlCommand("SELECT now()", connection);
        return (DateTime)(await question.ExecuteScalarAsync(ct))!;
    }

    private static async Task<BooksReport> CompareAsync(
        NpgsqlConnection connection, DateTimeOffset? now, TextWriter output, CancellationToken ct)
    {
        await using var snapshot = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, ct);
        await using (var prepare = new NpgsqlCommand(Prepare, connection))
        {
            await prepare.ExecuteNonQueryAsync(ct);
        }
        await using var compare = new NpgsqlCommand(BooksSql.Compare, connection);
        compare.Parameters.AddWithValue(now?.UtcDateTime ?? await ReadNowAsync(connection, ct));
        await using var reader = await compare.ExecuteReaderAsync(ct);
        var differences = 0L;
        var counts = new List<long>();
        while (await reader.ReadAsync(ct))
        {
            if (reader.GetInt64(0) > BooksSql.FirstCount)
            {
                counts.Add(long.Parse(reader.GetString(5), CultureInfo.InvariantCulture));
                continue;
            }
            differences++;
            await output.WriteLineAsync(
                $"{reader.GetString(2)}: {reader.GetString(3)}: expected {reader.GetString(4)}, found {reader.GetString(5)}");
        }
        return new BooksReport(differences, counts);
    }
}
