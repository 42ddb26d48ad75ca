using System.Globalization;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Requests;

/// <summary>Many rows of one and the same time.</summary>
public sealed class LogTiesTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static readonly DateTimeOffset Start = new(2026, 1, 5, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("")]
    [InlineData("service_id")]
    [InlineData("client_id")]
    public async Task Ten_thousand_rows_of_one_instant_are_paged_without_loss_or_repetition(string filter)
    {
        var records = await pandora.Scenario.RecordsAsync();
        var at = Start.AddYears(-1 - filter.Length);
        await pandora.Node.ExecuteAsync(
            $"""
            WITH key AS (
                INSERT INTO logged_key (api_key_id, environment_id, project_id, client_id, key_mask, environment_name, project_name, client_name)
                SELECT {records.Key}, {records.Environment}, {records.Project}, {records.Client}, '...', n, '', '' FROM generate_series(1, 2000) n
                RETURNING id),
            service AS (INSERT INTO logged_service (service_id, name, version) VALUES ({records.Service}, 's', '1') RETURNING id)
            INSERT INTO request (id, request_time, units, counter_id, logged_key_id, logged_service_id, outcome, status_code, method, path, ip_address)
            SELECT gen_random_uuid(), $1, 0, 0, key.id, service.id, n % 2, n % 2 * 200, 0, '', '' FROM key, service, generate_series(1, 5) n
            """,
            at.UtcDateTime);
        var named = filter.Length == 0 ? "" : $"&{filter}={(filter == "client_id" ? records.Client : records.Service)}";
        var instant = at.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

        var ids = await pandora.Node.AllIdsAsync($"/requests?limit=900&request_time_from={instant}&request_time_to={instant}{named}");

        Assert.Equal(10_000, ids.Count);
        Assert.Equal(ids.OrderDescending(), ids);
        Assert.Equal(10_000, ids.Distinct().Count());
    }
}
