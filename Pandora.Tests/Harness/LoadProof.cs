using Npgsql;
using Pandora.Core.Verification;

namespace Pandora.Tests.Harness;

/// <summary>What must hold after any fault, whatever it was.</summary>
internal static class LoadProof
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>
    /// The books agree; every valid answer has its row with exactly its units; no call has two; what is in the log and
    /// what is left are together the quota.
    /// </summary>
    /// <param name="quota">Granted once.</param>
    /// <param name="refusedLeaveNothing">
    /// Whether calls that were told so have no row: true as long as the node that told them lives on. It may still be at it.
    /// </param>
    public static async Task ExpectProvenAsync(this Load load, string connectionString, long quota, bool refusedLeaveNothing)
    {
        if (refusedLeaveNothing)
        {
            var refused = load.Book.Refused.ToHashSet();
            List<LoggedCall> left = [];
            await Eventually.HoldsAsync(
                "refused calls are gone from the log",
                async () => (left = (await load.ReadLogAsync(connectionString)).FindAll(call => refused.Contains(call.Path))).Count == 0,
                circumstances: () => string.Join('\n', left));
        }
        await ExpectCleanAsync(connectionString);
        var logged = (await load.ReadLogAsync(connectionString)).ToDictionary(call => call.Path); // throws if a call has two rows
        foreach (var valid in load.Book.Valid)
        {
            Assert.True(logged.TryGetValue(valid.Path, out var row), $"{valid} was answered and is not in the log");
            Assert.Equal((valid.RequestId, true), (row.Id, row.WasLetThrough));
            Assert.True(row.Units == valid.Units || row.Units == valid.OrUnits, $"{valid}, but in the log: {row}");
        }
        var (granted, available) = await load.ReadCounterAsync(connectionString);
        Assert.Equal(quota, granted);
        Assert.Equal(quota, logged.Values.Sum(row => row.Units) + available);
    }

    /// <summary>Fails the test, with the differences, unless the books agree.</summary>
    public static async Task ExpectCleanAsync(string connectionString, DateTimeOffset? now = null)
    {
        await using var output = new StringWriter();
        var report = await Books.VerifyAsync(connectionString, now ?? TimeProvider.System.GetUtcNow(), output, Token);
        Assert.True(report.Differences == 0, output.ToString());
    }

    /// <summary>What the log and the counter say in one moment: rows let through, their units, and what is left.</summary>
    public static async Task<(long Rows, long Units, long Left)> ReadTotalsAsync(this Load load, string connectionString)
    {
        await using var dataSource = NpgsqlDataSource.Create(connectionString);
        await using var command = dataSource.CreateCommand(
            """
            SELECT count(*), coalesce(sum(request.units), 0)::bigint,
                   (SELECT available_requests FROM environment_service WHERE environment_id = $2)
              FROM request WHERE path LIKE $1 AND outcome = 0
            """);
        command.Parameters.AddWithValue(load.Prefix + "%");
        command.Parameters.AddWithValue(load.Subscription.Environment);
        await using var reader = await command.ExecuteReaderAsync(Token);
        await reader.ReadAsync(Token);
        return (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
    }

    private static async Task<List<LoggedCall>> ReadLogAsync(this Load load, string connectionString)
    {
        await using var dataSource = NpgsqlDataSource.Create(connectionString);
        await using var command = dataSource.CreateCommand("SELECT path, id, outcome, units FROM request WHERE path LIKE $1");
        command.Parameters.AddWithValue(load.Prefix + "%");
        await using var reader = await command.ExecuteReaderAsync(Token);
        var rows = new List<LoggedCall>();
        while (await reader.ReadAsync(Token))
        {
            rows.Add(new LoggedCall(reader.GetString(0), reader.GetGuid(1), reader.GetInt16(2) == 0, reader.GetInt64(3)));
        }
        return rows;
    }

    private static async Task<(long Granted, long Left)> ReadCounterAsync(this Load load, string connectionString)
    {
        await using var dataSource = NpgsqlDataSource.Create(connectionString);
        await using var command = dataSource.CreateCommand(
            "SELECT granted_units, available_requests FROM environment_service WHERE environment_id = $1");
        command.Parameters.AddWithValue(load.Subscription.Environment);
        await using var reader = await command.ExecuteReaderAsync(Token);
        await reader.ReadAsync(Token);
        return (reader.GetInt64(0), reader.GetInt64(1));
    }

    private sealed record LoggedCall(string Path, Guid Id, bool WasLetThrough, long Units);
}
