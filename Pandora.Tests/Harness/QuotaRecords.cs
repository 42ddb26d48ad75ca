namespace Pandora.Tests.Harness;

/// <summary>Short forms for tests that care about quotas and not about whose they are.</summary>
internal static class QuotaRecords
{
    /// <summary>A service, of which only the id matters.</summary>
    public static async Task<int> NewServiceAsync(this Scenario scenario, string? name = null) =>
        (await scenario.ServiceAsync(name)).Id;

    /// <summary>A project of a client of its own.</summary>
    /// <param name="services">Id and project quota of each; they are reset daily.</param>
    public static async Task<int> NewProjectAsync(this Scenario scenario, params (int Id, long Max)[] services) =>
        await scenario.ProjectAsync(await scenario.ClientAsync(), services);

    /// <summary>Takes from a counter what checks would take, and logs it. No reset may be due to it.</summary>
    public static Task UseAsync(this TestNode node, int environment, int service, long units) =>
        node.ExecuteAsync(
            $"""
            WITH taken AS (
                UPDATE environment_service SET consumed_units = consumed_units + $3
                 WHERE environment_id = $1 AND service_id = $2 RETURNING id
            )
            {LogTaken}
            """,
            environment,
            service,
            units,
            Guid.CreateVersion7());

    /// <summary>The same, with the units held by a reservation.</summary>
    public static Task ReserveAsync(
        this TestNode node, int environment, int service, long units, DateTimeOffset expiresAt) =>
        node.ExecuteAsync(
            $"""
            WITH taken AS (
                UPDATE environment_service
                   SET consumed_units = consumed_units + $3, first_expiry = least(first_expiry, $5)
                 WHERE environment_id = $1 AND service_id = $2 RETURNING id
            ), reserved AS (
                INSERT INTO reservation (id, counter_id, request_id, quantity, units, expires_at)
                SELECT gen_random_uuid(), id, $4, greatest($3, 1), $3, $5 FROM taken
            )
            {LogTaken}
            """,
            environment,
            service,
            units,
            Guid.CreateVersion7(),
            expiresAt);

    /// <summary>What the books of a counter say is left, without what time has done to it.</summary>
    public static Task<long> StoredAsync(this TestNode node, int environment, int service) =>
        node.ScalarAsync<long>(
            "SELECT available_requests FROM environment_service WHERE environment_id = $1 AND service_id = $2",
            environment,
            service);

    /// <summary>Fails the test unless each counter has consumed what the log says.</summary>
    public static async Task ExpectProvenBooksAsync(this TestNode node) =>
        Assert.Null(await node.ScalarAsync<string?>(
            """
            SELECT string_agg(concat_ws(' ', 'counter', id, 'says', consumed_units, 'the log', logged), ', ')
              FROM environment_service
              CROSS JOIN LATERAL (SELECT coalesce(sum(units), 0) FROM request WHERE counter_id = environment_service.id) AS log (logged)
             WHERE (consumed_units - logged) % 2305843009213693952 <> 0
            """));

    private const string LogTaken =
        """
        INSERT INTO request (
               id, request_time, units, counter_id, logged_key_id, logged_service_id, outcome, status_code, method, path, ip_address)
        SELECT $4, now(), $3, id, 0, 0, 0, 0, 0, '/', '192.0.2.7' FROM taken
        """;
}
