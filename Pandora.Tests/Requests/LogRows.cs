using Npgsql;
using NpgsqlTypes;
using Pandora.Core.Gate;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Requests;

/// <summary>A row of the request log as a test wants it.</summary>
internal sealed record LogRow(DateTimeOffset RequestTime)
{
    /// <summary>Null: when it was requested.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    public int? ApiKey { get; init; }
    public int? Environment { get; init; }
    public int? Project { get; init; }
    public int? Client { get; init; }
    public int? Service { get; init; }
    public ExecutionStatus Status { get; init; }
    public FailureCode Reason { get; init; }

    /// <summary>The one that fits the status best.</summary>
    public short StatusCode => Status switch
    {
        ExecutionStatus.Forwarded => 0,
        ExecutionStatus.Success => 200,
        ExecutionStatus.ClientError => 404,
        ExecutionStatus.ServerError => 500,
        _ => 401,
    };
}

/// <summary>Writes rows into the request log without asking the gate.</summary>
internal static class LogRows
{
    private const string Columns =
        """
        id, created_at, request_time, api_key_id, environment_id, project_id, client_id, service_id, execution_status,
        unauthorized_reason, status_code, method, key_mask, environment_name, project_name, client_name, service_name,
        service_version, path, ip_address, detail, metadata_body, metadata_cookies, metadata_headers,
        metadata_query_params, metadata_content_type
        """;

    /// <summary>Writes a row and returns its id.</summary>
    public static async Task<Guid> LogAsync(this TestNode node, LogRow row)
    {
        var created = row.CreatedAt ?? row.RequestTime;
        var id = Guid.CreateVersion7(created);
        await using var connection = new NpgsqlConnection(node.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            $"""
            INSERT INTO request ({Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 2, 'pdk_...Ab12', 'live', 'shop',
                'ann', 'mail', '1.2', '/orders', '192.0.2.7', 'why', 'body', 'cookies', 'headers', 'query', 'text/plain')
            """,
            connection);
        foreach (var value in (object[])[id, created, row.RequestTime])
        {
            command.Parameters.AddWithValue(value);
        }
        foreach (var record in (int?[])[row.ApiKey, row.Environment, row.Project, row.Client, row.Service])
        {
            command.Parameters.Add(new NpgsqlParameter { Value = (object?)record ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer });
        }
        foreach (var number in (short[])[(short)row.Status, (short)row.Reason, row.StatusCode])
        {
            command.Parameters.AddWithValue(number);
        }
        await command.ExecuteNonQueryAsync();
        return id;
    }

    /// <summary>Writes many rows, evenly spread over a span, cycling through records and outcomes, and analyses the log.</summary>
    public static async Task LogManyAsync(this TestNode node, int count, DateTimeOffset from, DateTimeOffset to)
    {
        await node.ExecuteAsync(
            $"""
            INSERT INTO request ({Columns})
            SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3)
                       || '8' || substr(md5(n || 'x'), 1, 15))::uuid,
                   at, at - n % 7 * interval '1 second', 1 + n % 500, 1 + n % 20, 1 + n % 10, 1 + n % 5, 1 + n % 3,
                   CASE WHEN n % 100 = 0 THEN 4 WHEN n % 100 = 1 THEN 3 WHEN n % 100 = 2 THEN 2 WHEN n % 4 = 3 THEN 0 ELSE 1 END,
                   CASE WHEN n % 100 = 0 THEN 1 + n / 100 % 9 ELSE 0 END,
                   CASE WHEN n % 100 = 0 THEN 401 WHEN n % 100 = 1 THEN 500 WHEN n % 100 = 2 THEN 404 WHEN n % 4 = 3 THEN 0 ELSE 200 END,
                   n % 9, 'pdk_...Ab12', 'e', 'p', 'c', 's', '1', '/path', '192.0.2.7', '', '', '', '', '', ''
              FROM (SELECT n, $1::timestamptz + ($2::timestamptz - $1) * n / {count} AS at FROM generate_series(0, {count - 1}) n) rows
            """,
            from.UtcDateTime,
            to.UtcDateTime);
        await node.ExecuteAsync("ANALYZE request");
    }
}
