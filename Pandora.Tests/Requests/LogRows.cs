using System.Net;
using Pandora.Core.Gate;
using Pandora.Core.Persistence;
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
    /// <summary>Records for rows to name; the key may not use the service.</summary>
    public static async Task<Subscription> RecordsAsync(this Scenario scenario)
    {
        var (service, serviceName) = await scenario.ServiceAsync();
        var client = await scenario.ClientAsync();
        var project = await scenario.ProjectAsync(client);
        var environment = await scenario.EnvironmentAsync(project);
        var (key, secret) = await scenario.KeyAsync(environment);
        return new Subscription(service, serviceName, client, project, environment, key, secret);
    }

    /// <summary>Writes a row and returns its id.</summary>
    public static async Task<Guid> LogAsync(this TestNode node, LogRow row)
    {
        var id = RequestId.At(row.CreatedAt ?? row.RequestTime);
        var refused = row.Status == ExecutionStatus.Unauthorized;
        await node.ExecuteAsync(
            """
            INSERT INTO request (id, request_time, units, counter_id, logged_key_id, logged_service_id, outcome, status_code,
                                 method, path, ip_address, key_mask, service_name, service_version, detail, metadata_body,
                                 metadata_cookies, metadata_headers, metadata_query_params, metadata_content_type)
            VALUES ($1, $2, 0, 0, $3, $4, $5, $6, 2, '/orders', '192.0.2.7', CASE WHEN $3 = 0 THEN '...' ELSE '' END,
                    CASE WHEN $4 = 0 THEN 'nowhere' ELSE '' END, CASE WHEN $4 = 0 THEN '9' ELSE '' END,
                    'why', 'body', 'cookies', 'headers', 'query', 'text/plain')
            """,
            id,
            row.RequestTime.UtcDateTime,
            row is { ApiKey: null, Environment: null, Project: null, Client: null } ? 0 : await node.LoggedKeyAsync(row),
            row.Service is { } service ? await node.LoggedServiceAsync(service) : 0,
            refused ? (short)(10 + row.Reason) : (short)row.Status,
            row.StatusCode);
        return id;
    }

    /// <summary>
    /// Writes many rows, evenly spread over a span, cycling through 500 keys, each with its records, and outcomes, and
    /// analyses the log.
    /// </summary>
    public static async Task LogManyAsync(this TestNode node, int count, DateTimeOffset from, DateTimeOffset to)
    {
        await node.ExecuteAsync(
            """
            INSERT INTO logged_key (api_key_id, environment_id, project_id, client_id, key_mask, environment_name, project_name, client_name)
            SELECT 1 + n, 1 + n % 20, 1 + n % 10, 1 + n % 5, 'pdk_...Ab12', 'e', 'p', 'c' FROM generate_series(0, 499) n;
            INSERT INTO logged_service (service_id, name, version) SELECT n, 's', '1' FROM generate_series(1, 3) n
            """);
        await node.ExecuteAsync(
            $"""
            INSERT INTO request (id, request_time, units, counter_id, logged_key_id, logged_service_id, outcome, status_code, method, path, ip_address)
            SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000' || '8' || substr(md5(n::text), 1, 15))::uuid,
                   at, 0, 0, first_key + n % 500, first_service + n % 3,
                   CASE WHEN n % 100 = 0 THEN 11 + n / 100 % 9 WHEN n % 100 = 1 THEN 3 WHEN n % 100 = 2 THEN 2 WHEN n % 4 = 3 THEN 0 ELSE 1 END,
                   CASE WHEN n % 100 = 0 THEN 401 WHEN n % 100 = 1 THEN 500 WHEN n % 100 = 2 THEN 404 WHEN n % 4 = 3 THEN 0 ELSE 200 END,
                   n % 9, '/path', '192.0.2.7'
              FROM (SELECT n, date_trunc('milliseconds', $1::timestamptz + ($2::timestamptz - $1) * n / {count}) AS at
                      FROM generate_series(0, {count - 1}) n) rows,
                   (SELECT max(id) - 499 AS first_key FROM logged_key) keys,
                   (SELECT max(id) - 2 AS first_service FROM logged_service) services
            """,
            from.UtcDateTime,
            to.UtcDateTime);
        await node.ExecuteAsync("ANALYZE request; ANALYZE logged_key; ANALYZE logged_service");
    }

    /// <summary>The ids of a list, page by page.</summary>
    public static async Task<List<Guid>> AllIdsAsync(this TestNode node, string path)
    {
        var ids = new List<Guid>();
        var answer = await node.Rest.GetAsync(path);
        while (true)
        {
            ids.AddRange(answer.Expect(HttpStatusCode.OK).Json.AsArray().Select(row => Guid.Parse((string)row!["id"]!)));
            if (answer.NextPage is not { } next)
            {
                return ids;
            }
            answer = await node.Rest.SendAsync(new HttpRequestMessage(HttpMethod.Get, next));
        }
    }

    private static Task<int> LoggedKeyAsync(this TestNode node, LogRow row) =>
        node.ScalarAsync<int>(
            """
            INSERT INTO logged_key (api_key_id, environment_id, project_id, client_id, key_mask, environment_name, project_name, client_name)
            VALUES ($1, $2, $3, $4, 'pdk_...Ab12', 'live', 'shop', 'ann') RETURNING id
            """,
            row.ApiKey ?? Gone,
            row.Environment ?? Gone,
            row.Project ?? Gone,
            row.Client ?? Gone);

    private static Task<int> LoggedServiceAsync(this TestNode node, int service) =>
        node.ScalarAsync<int>("INSERT INTO logged_service (service_id, name, version) VALUES ($1, 'mail', '1.2') RETURNING id", service);

    /// <summary>No record has this id any more.</summary>
    private const int Gone = int.MaxValue;
}
