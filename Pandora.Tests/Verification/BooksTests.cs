using Npgsql;
using Pandora.Core.Settings;
using Pandora.Core.Verification;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Verification;

public sealed class BooksTests(TestServer server)
{
    private const string Counter1 = "counter 1 (environment 1, service 1)";
    private const string Entry = "UPDATE request SET";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Differences => new()
    {
        {
            "UPDATE environment_service SET consumed_units = 11, granted_units = 101 WHERE id = 1",
            $"{Counter1}: consumed_units: expected 10, found 11"
        },
        { "UPDATE environment_service SET consumed_units = 9 WHERE id = 1", $"{Counter1}: consumed_units: expected 10, found 9" },
        { $"{Entry} units = 8 WHERE id = '{BookRecords.Call}'", $"{Counter1}: consumed_units: expected 11, found 10" },
        {
            """
            ALTER TABLE environment_service DROP CONSTRAINT environment_service_available_check;
            UPDATE environment_service SET granted_units = 9 WHERE id = 1
            """,
            $"{Counter1}: available_requests: expected 0 to 100, found -1"
        },
        {
            """
            ALTER TABLE environment_service DROP CONSTRAINT environment_service_available_check;
            UPDATE environment_service SET granted_units = 111 WHERE id = 1
            """,
            $"{Counter1}: available_requests: expected 0 to 100, found 101"
        },
        {
            "UPDATE environment_service SET first_expiry = NULL WHERE id = 1",
            $"{Counter1}: first_expiry: expected at most 2026-03-10 12:15:00+00, found none"
        },
        {
            "UPDATE environment_service SET first_expiry = '2026-03-10T12:15:00.000001Z' WHERE id = 1",
            $"{Counter1}: first_expiry: expected at most 2026-03-10 12:15:00+00, found 2026-03-10 12:15:00.000001+00"
        },
        {
            $"DELETE FROM request WHERE id = '{BookRecords.BoundlessCall}'",
            $"reservation {BookRecords.Boundless}: row {BookRecords.BoundlessCall} of the log: expected there, found missing"
        },
        {
            $"{Entry} outcome = 11, status_code = 401 WHERE id = '{BookRecords.BoundlessCall}'",
            $"reservation {BookRecords.Boundless}: outcome in the log: expected 0 to 3, found 11"
        },
        {
            $"UPDATE reservation SET quantity = 4, units = 4 WHERE id = '{BookRecords.Held}'",
            $"reservation {BookRecords.Held}: units in the log: expected 4, found 3"
        },
        {
            $"UPDATE reservation SET counter_id = 3 WHERE id = '{BookRecords.Held}'",
            $"reservation {BookRecords.Held}: counter in the log: expected 3, found 1"
        },
        {
            $"DELETE FROM request WHERE id = '{BookRecords.RefusedCall}'",
            $"remembered answer {Hash("refused")}: row {BookRecords.RefusedCall} of the log: expected there, found missing"
        },
        {
            "UPDATE remembered_answer SET reason = 2 WHERE id = sha256('refused')",
            $"remembered answer {Hash("refused")}: reason: expected 1, found 2"
        },
        {
            $"{Entry} units = 1 WHERE id = '{BookRecords.Validation}'",
            $"log: units that no counter gave: expected 0, found 1, first in row {BookRecords.Validation}"
        },
        {
            $"{Entry} units = 1 WHERE id = '{BookRecords.Stranger}'",
            $"log: units of refused calls: expected 0, found 1, first in row {BookRecords.Stranger}"
        },
        {
            $"{Entry} logged_key_id = 77 WHERE id = '{BookRecords.Stranger}'",
            "log: logged_key 77: expected there, found missing, named by 1 rows"
        },
        {
            $"{Entry} logged_service_id = 77 WHERE id = '{BookRecords.Stranger}'",
            "log: logged_service 77: expected there, found missing, named by 1 rows"
        },
        { "UPDATE api_key SET last_used = NULL", "api key 1: last_used: expected at least 2026-03-10 11:59:00+00, found none" },
        {
            "UPDATE api_key SET last_used = '2026-03-10T11:58:59.999Z'",
            "api key 1: last_used: expected at least 2026-03-10 11:59:00+00, found 2026-03-10 11:58:59.999+00"
        },
        {
            """
            INSERT INTO installation VALUES ('log_kept_since', '2026-03-10T12:00:00Z');
            UPDATE environment_service SET consumed_units = 9 WHERE id = 1
            """,
            $"{Counter1}: consumed_units: expected at least 10, found 9"
        },
    };

    public static TheoryData<string> NoDifferences =>
    [
        "SELECT",
        $"{Entry} counter_id = 999 WHERE id = '{BookRecords.Call}'; UPDATE environment_service SET consumed_units = 3 WHERE id = 1", // deleted since
        $"DELETE FROM request WHERE id = '{BookRecords.RefusedCall}'; UPDATE remembered_answer SET answered_at = '2026-03-09T12:30:00Z' WHERE id = sha256('refused')",
        "UPDATE api_key SET last_used = '2026-03-10T11:59:00Z'",
        "UPDATE environment_service SET first_expiry = '2026-03-10T12:00:00Z' WHERE id = 1",
        "DELETE FROM api_key",
    ];

    [Theory, MemberData(nameof(Differences))]
    public async Task One_difference_is_one_line(string spoil, string line)
    {
        var (report, output) = await VerifyAsync(spoil);

        Assert.Equal(1, report.Differences);
        Assert.Equal(line, output[0]);
        Assert.StartsWith("checked: ", output[1], StringComparison.Ordinal);
        Assert.Equal("differences: 1", output[^1]);
    }

    [Theory, MemberData(nameof(NoDifferences))]
    public async Task Books_that_agree_are_summed_up(string change)
    {
        var (report, output) = await VerifyAsync(change);

        Assert.Equal((0, "differences: 0"), (report.Differences, output[^1]));
    }

    [Fact]
    public async Task The_summary_says_how_much_was_compared_and_what_could_not_be()
    {
        var (_, output) = await VerifyAsync(
            """
            INSERT INTO installation VALUES ('log_kept_since', '2026-03-10T11:59:00Z');
            UPDATE environment_service SET consumed_units = 12, granted_units = 112 WHERE id = 1;
            UPDATE environment_service SET assigned_at = '2026-03-10T12:00:00Z' WHERE id = 3
            """);

        Assert.Equal(
            [
                "checked: 3 counters, 6 log rows, 2 reservations, 2 remembered answers, 1 API keys",
                "ended, to be given back by the next check of their counter: 1 reservations, 3 units",
                "checked in part, because calls of theirs are no longer in the log: 2 counters",
                "differences: 0",
            ],
            output);
    }

    [Fact]
    public async Task The_same_books_are_told_in_the_same_words()
    {
        const string Spoil = "UPDATE environment_service SET consumed_units = consumed_units + 1, granted_units = granted_units + 1, first_expiry = NULL";

        var (report, output) = await VerifyAsync(Spoil);

        Assert.Equal(5, report.Differences);
        Assert.Equal(output, (await VerifyAsync(Spoil)).Output);
    }

    [Fact]
    public async Task A_database_of_another_version_or_of_somebody_else_is_not_judged()
    {
        var empty = await Assert.ThrowsAsync<StartRefusedException>(async () =>
            await Books.VerifyAsync(await server.CreateDatabaseAsync(empty: true), BookRecords.Now, TextWriter.Null, Token));
        var older = await Assert.ThrowsAsync<StartRefusedException>(() =>
            VerifyAsync("DELETE FROM schema_migration WHERE version = (SELECT max(version) FROM schema_migration)"));

        Assert.Contains("holds nothing of Pandora Core", empty.Message, StringComparison.Ordinal);
        Assert.Contains("schema version", older.Message, StringComparison.Ordinal);
    }

    private async Task<(BooksReport Report, string[] Output)> VerifyAsync(string change)
    {
        var database = await server.CreateDatabaseAsync();
        await using (var connection = new NpgsqlConnection(database))
        {
            await connection.OpenAsync(Token);
            foreach (var sql in new[] { BookRecords.Sql, change })
            {
                await using var command = new NpgsqlCommand(sql, connection);
                await command.ExecuteNonQueryAsync(Token);
            }
        }
        await using var output = new StringWriter();
        var report = await Books.VerifyAsync(database, BookRecords.Now, output, Token);
        return (report, output.ToString().Split(output.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    private static string Hash(string text) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(text)));
}
