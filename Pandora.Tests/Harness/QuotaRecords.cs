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

    /// <summary>Takes from a counter what checks would take.</summary>
    public static Task UseAsync(this TestNode node, int environment, int service, long requests) =>
        node.ExecuteAsync(
            """
            UPDATE environment_service SET available_requests = available_requests - $3
             WHERE environment_id = $1 AND service_id = $2
            """,
            environment,
            service,
            requests);

    /// <summary>What a counter holds in the database, a due reset not applied.</summary>
    public static Task<long> StoredAsync(this TestNode node, int environment, int service) =>
        node.ScalarAsync<long>(
            "SELECT available_requests FROM environment_service WHERE environment_id = $1 AND service_id = $2",
            environment,
            service);
}
