using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Projects;

public sealed class ProjectResetTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private RestClient Rest => pandora.Node.Rest;

    private Scenario Given => pandora.Scenario;

    [Fact, Checklist(32, 78)]
    public async Task A_reset_fills_every_environment_and_shows_it()
    {
        var service = await Given.NewServiceAsync("maps");
        var project = await Given.NewProjectAsync((service, -1));
        var used = await Given.EnvironmentAsync(project, (service, 50));
        pandora.Clock.Advance(TimeSpan.FromSeconds(1));
        var unlimited = await Given.EnvironmentAsync(project, (service, -1));
        var full = await Given.EnvironmentAsync(project, (service, 7));
        await pandora.Node.UseAsync(used, service, 50);
        await Rest.PostAsync($"/environments/{used}/disable");
        await Rest.PostAsync($"/projects/{project}/disable");
        var before = await Rest.GetAsync($"/projects/{project}");

        var answer = await Rest.PostAsync(
            $"/projects/{project}/services/{service}/reset-requests", """{"recalculate_next_reset": false}""");

        answer.Expect(HttpStatusCode.OK);
        Assert.Equal(["reset_count", "project_service", "environment_services"], answer.Json.Names());
        Assert.Equal("3", answer.Value("reset_count"));
        Assert.Equal(before.Json["services"]![0]!.ToJsonString(), answer.Json["project_service"]!.ToJsonString());
        Assert.Equal([full, unlimited, used], answer.Json["environment_services"]!.AsArray().Select(row => (int)row!["id"]!));
        Assert.Equal(["id", "name", "status", "service"], answer.At("environment_services.2").Names());
        Assert.Equal("disabled", answer.Value("environment_services.2.status"));
        foreach (var (i, id) in new[] { full, unlimited, used }.Index())
        {
            Assert.Equal(
                (await Rest.GetAsync($"/environments/{id}")).Json["services"]![0]!.ToJsonString(),
                answer.At($"environment_services.{i}.service")!.ToJsonString());
        }
        Assert.Equal("50", answer.Value("environment_services.2.service.available_requests"));
        Assert.Equal("-1", answer.Value("environment_services.1.service.available_requests"));
    }

    [Fact]
    public async Task A_reset_writes_one_row_however_many_environments_there_are()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, -1));
        var environments = new List<int>();
        for (var i = 0; i < 3; i++)
        {
            environments.Add(await Given.EnvironmentAsync(project, (service, 50)));
            await pandora.Node.UseAsync(environments[^1], service, 20 + i);
        }
        const string rows =
            """
            SELECT string_agg(row, ' ' ORDER BY row)
              FROM (SELECT concat_ws('/', 'ps', project_id, service_id, xmin) FROM project_service WHERE project_id <> $1
                    UNION ALL SELECT concat_ws('/', 'es', environment_id, service_id, xmin) FROM environment_service) AS found (row)
            """;
        const string schedule = "SELECT xmin::text FROM project_service WHERE project_id = $1";
        var others = await pandora.Node.ScalarAsync<string>(rows, project);
        var before = await pandora.Node.ScalarAsync<string>(schedule, project);

        var path = $"/projects/{project}/services/{service}/reset-requests";
        var answer = await Rest.PostAsync(path);

        Assert.Equal(others, await pandora.Node.ScalarAsync<string>(rows, project));
        Assert.NotEqual(before, await pandora.Node.ScalarAsync<string>(schedule, project));
        Assert.Equal(["50", "50", "50"], Enumerable.Range(0, 3).Select(i => answer.Value($"environment_services.{i}.service.available_requests")));

        // Once more at the same instant, with what was used in between.
        await Rest.PatchAsync($"/environments/{environments[0]}/services/{service}", """{"max_requests": 50}""");
        await pandora.Node.UseAsync(environments[0], service, 7);
        Assert.Equal("43", (await Rest.GetAsync($"/environments/{environments[0]}")).Value("services.0.available_requests"));
        answer = await Rest.PostAsync(path);
        Assert.Equal(["50", "50", "50"], Enumerable.Range(0, 3).Select(i => answer.Value($"environment_services.{i}.service.available_requests")));
        await pandora.Node.ExpectProvenBooksAsync();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" \n")]
    [InlineData("{}")]
    public async Task A_reset_needs_no_body(string? body)
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 10));

        var answer = await Rest.PostAsync($"/projects/{project}/services/{service}/reset-requests", body);

        answer.Expect(HttpStatusCode.OK);
        Assert.Equal("0", answer.Value("reset_count"));
        Assert.Equal("[]", answer.Value("environment_services"));
    }

    [Fact]
    public async Task A_recalculation_begins_the_schedule_anew()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 10));
        await Rest.PatchAsync($"/projects/{project}/services/{service}", """{"next_reset": "2030-01-01"}""");
        var path = $"/projects/{project}/services/{service}/reset-requests";

        var kept = await Rest.PostAsync(path, "{}");
        var restarted = await Rest.PostAsync(path, """{"recalculate_next_reset": true}""");

        Assert.Equal("2030-01-01T00:00:00Z", kept.Value("project_service.next_reset"));
        Assert.Equal("2026-03-11T00:00:00Z", restarted.Value("project_service.next_reset"));
        Assert.Equal("2026-03-11T00:00:00Z", (await Rest.GetAsync($"/projects/{project}")).Value("services.0.next_reset"));
    }

    [Theory]
    [InlineData("""{"recalculate_next_reset": "true"}""", "body", "recalculate_next_reset")]
    [InlineData("""{"recalculate_next_reset": null}""", "ProjectReset", "recalculate_next_reset")]
    [InlineData("[]", "body", null)]
    [InlineData("{", "body", null)]
    public async Task A_faulty_body_is_refused(string body, string entity, string? loc)
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 10));

        (await Rest.PostAsync($"/projects/{project}/services/{service}/reset-requests", body)).Refused(422, entity, loc);
    }
}
