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
