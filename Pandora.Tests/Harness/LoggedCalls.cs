using Npgsql;

namespace Pandora.Tests.Harness;

/// <summary>What the request log holds of a call.</summary>
/// <param name="Outcome">0 forwarded, 10 and the number of the failure code when it was refused.</param>
internal sealed record LoggedCall(short Outcome, long Units, string Client, string Project, string Environment, string Service);

/// <summary>Looks into the tables of the gate.</summary>
internal static class LoggedCalls
{
    /// <summary>Null: no such row.</summary>
    public static async Task<LoggedCall?> LoggedAsync(this TestNode node, string requestId)
    {
        await using var connection = new NpgsqlConnection(node.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            """
            SELECT outcome, units, coalesce(client_name, ''), coalesce(project_name, ''), coalesce(environment_name, ''),
                   coalesce(service.name, request.service_name)
              FROM request
              LEFT JOIN logged_key ON logged_key.id = logged_key_id
              LEFT JOIN logged_service service ON service.id = logged_service_id
             WHERE request.id = $1
            """,
            connection);
        command.Parameters.AddWithValue(Guid.Parse(requestId));
        await using var reader = await command.ExecuteReaderAsync();
        return await reader.ReadAsync()
            ? new LoggedCall(
                reader.GetInt16(0), reader.GetInt64(1), reader.GetString(2), reader.GetString(3), reader.GetString(4), reader.GetString(5))
            : null;
    }

    /// <summary>How many calls of a key are in the log.</summary>
    public static Task<long> CallsOfAsync(this TestNode node, Subscription subscription) =>
        node.ScalarAsync<long>(
            "SELECT count(*) FROM request JOIN logged_key ON logged_key.id = logged_key_id WHERE api_key_id = $1", subscription.Key);

    /// <summary>What REST says is left.</summary>
    public static async Task<long> LeftAsync(this TestNode node, Subscription subscription) =>
        (long)(await node.Rest.GetAsync($"/environments/{subscription.Environment}"))
            .Expect(System.Net.HttpStatusCode.OK)["services"]!.AsArray().Single()!["available_requests"]!;
}
