using System.Diagnostics;
using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Environments;

/// <summary>A project and an environment with more services than anybody has.</summary>
public sealed class LargeEnvironmentTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const int Services = 3_000;

    /// <summary>Many times what it takes; the limit of a call.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(8);

    private RestClient Rest => pandora.Node.Rest;

    [Fact]
    public async Task It_is_read_and_renamed_soon_with_what_came_back_from_reservations_that_have_ended()
    {
        await pandora.Node.ExecuteAsync(
            "INSERT INTO service (name, version, status, created_at) SELECT 'large-' || i, '1', 'enabled', now() FROM generate_series(1, $1) i",
            Services);
        var first = await pandora.Node.ScalarAsync<int>("SELECT min(id) FROM service WHERE name LIKE 'large-%'");
        var entries = Enumerable.Range(first, Services).Select(id => (id, 100L)).ToArray();
        var project = await pandora.Scenario.ProjectAsync(await pandora.Scenario.ClientAsync(), entries);
        var environment = await pandora.Scenario.EnvironmentAsync(project, entries);
        await pandora.Node.ExecuteAsync(
            """
            WITH held AS (
                UPDATE environment_service SET consumed_units = 3, first_expiry = $2 WHERE environment_id = $1 RETURNING id
            )
            INSERT INTO reservation (id, counter_id, request_id, quantity, units, expires_at)
            SELECT gen_random_uuid(), id, gen_random_uuid(), 1, 1, $2 FROM held, generate_series(1, 2)
            """,
            environment,
            pandora.Clock.Now.AddSeconds(1));
        pandora.Clock.Advance(TimeSpan.FromSeconds(2));

        foreach (var answer in (RestAnswer[])[
            await SoonAsync(() => Rest.GetAsync($"/environments/{environment}")),
            await SoonAsync(() => Rest.PatchAsync($"/environments/{environment}", new { name = "renamed" })),
        ])
        {
            var shown = answer.Expect(HttpStatusCode.OK).Json["services"]!.AsArray();
            Assert.Equal(Services, shown.Count);
            Assert.All(shown, service => Assert.Equal(99, (long)service!["available_requests"]!));
        }
        Assert.Equal(Services, (await SoonAsync(() => Rest.GetAsync($"/projects/{project}/environments"))).Json[0]!["services"]!.AsArray().Count);
        Assert.Equal(Services, (await SoonAsync(() => Rest.GetAsync($"/projects/{project}"))).Json["services"]!.AsArray().Count);
    }

    private static async Task<RestAnswer> SoonAsync(Func<Task<RestAnswer>> ask)
    {
        var started = Stopwatch.GetTimestamp();
        var answer = await ask();
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, Soon);
        return answer;
    }
}
