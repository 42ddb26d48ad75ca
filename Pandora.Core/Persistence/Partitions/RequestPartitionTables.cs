using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;

namespace Pandora.Core.Persistence.Partitions;

/// <summary>A partition of the request log as it is in the database.</summary>
/// <param name="Table">Its name, quoted where necessary.</param>
/// <param name="Range">Null: the default partition, which takes what no other one does.</param>
internal sealed record RequestPartition(string Table, PartitionRange? Range)
{
    public bool IsDefault => Range is null;
}

/// <summary>
/// Reads and changes the partitions of the request log. Each change is one transaction that gives up soon when it has to
/// wait for a lock, because calls wait behind it.
/// </summary>
internal sealed partial class RequestPartitionTables(NpgsqlDataSource dataSource)
{
    /// <summary>Rows that are moved out of the default partition at once; calls that are logged there wait meanwhile.</summary>
    private const int MostRowsMoved = 20_000;

    private const int RowsDeletedAtOnce = 5_000;

    private const int MostRowsCounted = 10_000;

    /// <summary>Longer than a call may take: nobody waits for a change but the change.</summary>
    private const int ChangeSeconds = 30;

    /// <summary>Of all nodes on this database one at a time changes partitions.</summary>
    private const string Enter =
        """
        SET LOCAL lock_timeout = '500ms';
        SELECT pg_try_advisory_xact_lock(hashtextextended('pandora request partitions', 0))
        """;

    // The name is read by whoever proves the books against the log.
    private const string NoteKeptSince =
        """
        INSERT INTO installation AS noted (name, value) VALUES ('log_kept_since', $1)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            WHERE noted.value::timestamptz < excluded.value::timestamptz
        """;

    private const string List =
        """
        SELECT partition.oid::regclass::text, pg_get_expr(partition.relpartbound, partition.oid)
          FROM pg_inherits
          JOIN pg_class partition ON partition.oid = inhrelid
         WHERE inhparent = 'request'::regclass
        """;

    public async Task<IReadOnlyList<RequestPartition>> ListAsync(CancellationToken ct)
    {
        await using var connection = await dataSource.OpenConnectionAsync(ct);
        return await ListAsync(connection, ct);
    }

    /// <summary>When the newest row was recorded. Null: there is none.</summary>
    public async Task<DateTimeOffset?> NewestAsync(CancellationToken ct)
    {
        await using var connection = await dataSource.OpenConnectionAsync(ct);
        await using var command = new NpgsqlCommand("SELECT id FROM request ORDER BY id DESC LIMIT 1", connection);
        return await command.ExecuteScalarAsync(ct) is Guid newest ? RequestId.TimeOf(newest) : null;
    }

    /// <summary>
    /// Makes the first partition that is missing from <paramref name="start"/> on. Returns where to go on looking, null
    /// when there is nothing left to do or another node is at it.
    /// </summary>
    public async Task<PartitionStep?> MakeNextAsync(DateTimeOffset now, DateTimeOffset start, bool byDay, CancellationToken ct)
    {
        await using var connection = await dataSource.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (!await EnterAsync(connection, ct))
        {
            return null;
        }
        var partitions = await ListAsync(connection, ct);
        var existing = partitions.Select(partition => partition.Range).OfType<PartitionRange>().ToList();
        if (RequestPartitions.FirstMissing(existing, now, start, byDay) is not { } range)
        {
            return null;
        }
        var fallback = partitions.FirstOrDefault(partition => partition.IsDefault)?.Table;
        if (fallback is not null && await HoldsManyAsync(connection, fallback, range, ct))
        {
            return new PartitionStep(RequestPartitions.StartOfDay(range.From).AddDays(1), Made: false);
        }
        await ExecuteAsync(connection, SqlToMake(range, fallback), ct);
        await transaction.CommitAsync(ct);
        return new PartitionStep(range.To, Made: true);
    }

    /// <summary>Drops a partition that has a range. False: another node is at it.</summary>
    public async Task<bool> DropAsync(RequestPartition partition, CancellationToken ct)
    {
        await using var connection = await dataSource.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (!await EnterAsync(connection, ct))
        {
            return false;
        }
        await ExecuteAsync(connection, $"DROP TABLE IF EXISTS {partition.Table}", ct);
        await NoteKeptSinceAsync(connection, partition.Range!.Value.To, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <summary>Deletes the rows recorded before an instant, some thousand at a time. Returns how many there were.</summary>
    public async Task<long> DeleteAsync(RequestPartition partition, DateTimeOffset before, CancellationToken ct)
    {
        var sql =
            $"""
            DELETE FROM {partition.Table} WHERE id IN (
                SELECT id FROM {partition.Table} WHERE id < '{RequestId.LowestAt(before)}' ORDER BY id LIMIT {RowsDeletedAtOnce})
            """;
        var all = 0L;
        var deleted = RowsDeletedAtOnce;
        while (deleted == RowsDeletedAtOnce)
        {
            await using var connection = await dataSource.OpenConnectionAsync(ct);
            await using var transaction = await connection.BeginTransactionAsync(ct);
            if (!await EnterAsync(connection, ct))
            {
                return all;
            }
            deleted = await ExecuteAsync(connection, sql, ct);
            if (deleted > 0)
            {
                await NoteKeptSinceAsync(connection, before, ct);
            }
            await transaction.CommitAsync(ct);
            all += deleted;
        }
        return all;
    }

    // Attaching takes no lock on the log that calls wait for, "CREATE TABLE … PARTITION OF" would. What does wait, and only
    // until the commit, are calls that touch the default partition.
    private static string SqlToMake(PartitionRange range, string? fallback)
    {
        var (from, to) = (RequestId.LowestAt(range.From), RequestId.LowestAt(range.To));
        var table = string.Create(CultureInfo.InvariantCulture, $"request_{range.From:yyyyMMdd}_{range.To:yyyyMMdd}");
        var move = fallback is null
            ? ""
            : $"""
              LOCK TABLE {fallback} IN ACCESS EXCLUSIVE MODE;
              WITH moved AS (DELETE FROM {fallback} WHERE id >= '{from}' AND id < '{to}' RETURNING *)
              INSERT INTO {table} SELECT * FROM moved;
              """;
        return $"""
            CREATE TABLE {table} (LIKE request INCLUDING ALL);
            {move}
            ALTER TABLE request ATTACH PARTITION {table} FOR VALUES FROM ('{from}') TO ('{to}');
            """;
    }

    private static async Task<bool> EnterAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(Enter, connection);
        return (bool)(await command.ExecuteScalarAsync(ct))!;
    }

    /// <summary>Notes that rows recorded before an instant are no longer complete.</summary>
    private static async Task NoteKeptSinceAsync(NpgsqlConnection connection, DateTimeOffset since, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(NoteKeptSince, connection);
        command.Parameters.AddWithValue(since.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>What there is for who watches.</summary>
    public async Task<PartitionLook> LookAsync(DateTimeOffset now, CancellationToken ct)
    {
        await using var connection = await dataSource.OpenConnectionAsync(ct);
        var partitions = await ListAsync(connection, ct);
        var rows = 0L;
        foreach (var fallback in partitions.Where(partition => partition.IsDefault))
        {
            await using var command = Command(
                connection, $"SELECT count(*) FROM (SELECT FROM {fallback.Table} LIMIT {MostRowsCounted}) held");
            rows += (long)(await command.ExecuteScalarAsync(ct))!;
        }
        var ranges = partitions.Select(partition => partition.Range).OfType<PartitionRange>().ToList();
        return new PartitionLook(partitions.Count, RequestPartitions.CoveredUntil(ranges, now), rows);
    }

    private static async Task<IReadOnlyList<RequestPartition>> ListAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(List, connection);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var partitions = new List<RequestPartition>();
        while (await reader.ReadAsync(ct))
        {
            partitions.Add(new RequestPartition(reader.GetString(0), RangeOf(reader.GetString(1))));
        }
        return partitions;
    }

    private static PartitionRange? RangeOf(string bound) =>
        Bound().Match(bound) is { Success: true } match
            ? new PartitionRange(
                Guid.TryParse(match.Groups["from"].ValueSpan, out var from) ? RequestId.TimeOf(from) : DateTimeOffset.MinValue,
                Guid.TryParse(match.Groups["to"].ValueSpan, out var to) ? RequestId.TimeOf(to) : DateTimeOffset.MaxValue)
            : null;

    private static async Task<bool> HoldsManyAsync(
        NpgsqlConnection connection, string table, PartitionRange range, CancellationToken ct)
    {
        var (from, to) = (RequestId.LowestAt(range.From), RequestId.LowestAt(range.To));
        await using var command = Command(
            connection,
            $"SELECT count(*) FROM (SELECT FROM {table} WHERE id >= '{from}' AND id < '{to}' LIMIT {MostRowsMoved + 1}) held");
        return (long)(await command.ExecuteScalarAsync(ct))! > MostRowsMoved;
    }

    /// <summary>Returns the number of rows concerned.</summary>
    private static async Task<int> ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = Command(connection, sql);
        return await command.ExecuteNonQueryAsync(ct);
    }

#pragma warning disable CA2100 // Names of tables cannot be parameters; these come from the catalogue or are made of dates.
    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql) =>
        new(sql, connection) { CommandTimeout = ChangeSeconds };
#pragma warning restore CA2100

    // Bounds that somebody made by hand may be MINVALUE or MAXVALUE.
    [GeneratedRegex(@"^FOR VALUES FROM \('?(?<from>[^')]+)'?\) TO \('?(?<to>[^')]+)'?\)$", RegexOptions.CultureInvariant)]
    private static partial Regex Bound();
}

/// <summary>What one step of making partitions did.</summary>
/// <param name="Next">Where to go on looking.</param>
/// <param name="Made">False: the rows of that day stay in the default partition, because there are too many to be moved.</param>
internal readonly record struct PartitionStep(DateTimeOffset Next, bool Made);

/// <summary>What a look at the partitions found.</summary>
/// <param name="Until">From now on there is a partition for every row until then. Null: there is none for now.</param>
/// <param name="DefaultRows">In the partition that takes what no other one does; at most 10 000 are counted.</param>
internal sealed record PartitionLook(int Count, DateTimeOffset? Until, long DefaultRows);
