using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Projects;

public sealed class ProjectServiceTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private RestClient Rest => pandora.Node.Rest;

    private Scenario Given => pandora.Scenario;

    [Fact]
    public async Task A_service_is_put_on_a_project()
    {
        var (project, service) = (await Given.NewProjectAsync(), await Given.NewServiceAsync("mail"));

        var answer = await Rest.PostAsync($"/projects/{project}/services", Entry(service, 100, "weekly"));

        answer.Expect(HttpStatusCode.OK);
        Assert.Equal(
            $$"""{"id":{{service}},"name":"mail","version":"1.0.0","next_reset":"2026-03-17T00:00:00Z","max_requests":"""
                + """100,"reset_frequency":"weekly","assigned_at":"2026-03-10T12:00:00Z"}""",
            answer.Body);
        Assert.Equal(answer.Body, (await Rest.GetAsync($"/projects/{project}")).Json["services"]![0]!.ToJsonString());
    }

    [Fact]
    public async Task An_assignment_is_refused_stage_by_stage()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 1));

        (await Rest.PostAsync("/projects/0/services", "{")).Refused(422, null, "id");
        (await Rest.PostAsync($"/projects/{project}/services", "{")).Refused(422, "body");
        (await Rest.PostAsync("/projects/2000000000/services", """{"id": 0, "max_requests": -2}""")).RefusedTogether(
            422,
            new(422, "ProjectService", "id"),
            new(422, "ProjectService", "max_requests"),
            new(422, "ProjectService", "reset_frequency"));
        (await Rest.PostAsync("/projects/2000000000/services", Entry(2_000_000_000, 1)))
            .Refused(404, "Project", null, """{"id":2000000000}""");
        (await Rest.PostAsync($"/projects/{project}/services", Entry(2_000_000_000, 1)))
            .Refused(404, "Service", "id", """{"id":2000000000}""");
        (await Rest.PostAsync($"/projects/{project}/services", Entry(service, 1)))
            .Refused(409, "ProjectService", null, $$"""{"id":{{service}}}""");
    }

    [Fact, Checklist(35)]
    public async Task An_assignment_needs_its_quota()
    {
        var (project, service) = (await Given.NewProjectAsync(), await Given.NewServiceAsync());

        (await Rest.PostAsync($"/projects/{project}/services", $$"""{"id": {{service}}, "reset_frequency": "daily"}"""))
            .Refused(422, "ProjectService", "max_requests");
        Assert.Equal("[]", (await Rest.GetAsync($"/projects/{project}")).Json["services"]!.ToJsonString());
    }

    [Fact, Checklist(36, 37)]
    public async Task One_property_is_changed_alone()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 100));
        var path = $"/projects/{project}/services/{service}";
        async Task<(string?, string?, string?)> Patch(string body)
        {
            var answer = await Rest.PatchAsync(path, body);
            answer.Expect(HttpStatusCode.OK);
            return (answer.Value("max_requests"), answer.Value("reset_frequency"), answer.Value("next_reset"));
        }

        Assert.Equal(("100", "daily", "2026-03-11T00:00:00Z"), await Patch("{}"));
        Assert.Equal(("0", "daily", "2026-03-11T00:00:00Z"), await Patch("""{"max_requests": 0}"""));
        Assert.Equal(("0", "daily", "2027-03-05T06:07:08.123456Z"), await Patch("""{"next_reset": "2027-03-05T06:07:08.1234567Z"}"""));
        Assert.Equal(("-1", "daily", "2027-03-05T06:07:08.123456Z"), await Patch("""{"max_requests": -1}"""));
        Assert.Equal(("-1", "monthly", "2026-04-10T00:00:00Z"), await Patch("""{"reset_frequency": "monthly"}"""));
        Assert.Equal(("-1", "weekly", "2027-01-31T00:00:00Z"), await Patch("""{"reset_frequency": "weekly", "next_reset": "2027-01-31"}"""));
        Assert.Equal(("5", "biweekly", "2026-03-24T00:00:00Z"), await Patch("""{"reset_frequency": "biweekly", "max_requests": 5}"""));
    }

    [Theory]
    [InlineData("""{"max_requests": null}""", "ProjectServiceUpdate", "max_requests")]
    [InlineData("""{"max_requests": -2}""", "ProjectServiceUpdate", "max_requests")]
    [InlineData("""{"reset_frequency": null}""", "ProjectServiceUpdate", "reset_frequency")]
    [InlineData("""{"reset_frequency": "Daily"}""", "ProjectServiceUpdate", "reset_frequency")]
    [InlineData("""{"next_reset": null}""", "ProjectServiceUpdate", "next_reset")]
    [InlineData("""{"next_reset": "2026-03-10T12:00:00Z"}""", "ProjectServiceUpdate", "next_reset")]
    [InlineData("""{"next_reset": "2026-03-10"}""", "ProjectServiceUpdate", "next_reset")]
    [InlineData("""{"next_reset": "2027-11-22T00:00:00+01:00"}""", "ProjectServiceUpdate", "next_reset")]
    [InlineData("""{"next_reset": ""}""", "body", "next_reset")]
    [InlineData("""{"next_reset": 5}""", "body", "next_reset")]
    public async Task A_faulty_change_is_refused(string body, string entity, string loc)
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 100));
        var before = await Rest.GetAsync($"/projects/{project}");

        (await Rest.PatchAsync($"/projects/{project}/services/{service}", body)).Refused(422, entity, loc);

        Assert.Equal(before.Body, (await Rest.GetAsync($"/projects/{project}")).Body);
    }

    [Fact]
    public async Task Faults_about_time_and_quota_are_reported_together() =>
        (await Rest.PatchAsync("/projects/1/services/1", """{"next_reset": "2020-01-01", "max_requests": -2}""")).RefusedTogether(
            422,
            new(422, "ProjectServiceUpdate", "max_requests"),
            new(422, "ProjectServiceUpdate", "next_reset"));

    [Theory]
    [InlineData("PATCH", "")]
    [InlineData("DELETE", "")]
    [InlineData("POST", "/reset-requests")]
    public async Task Both_ids_in_the_path_are_checked(string method, string verb)
    {
        var project = await Given.NewProjectAsync();
        var elsewhere = await Given.NewServiceAsync();
        Task<RestAnswer> Call(object id, object serviceId) =>
            Rest.SendAsync(new HttpMethod(method), $"/projects/{id}/services/{serviceId}{verb}", method == "PATCH" ? "{}" : null);

        (await Call("x", "y")).Refused(422, "path", "id");
        (await Call(project, "y")).Refused(422, "path", "service_id");
        (await Call(project, 0)).Refused(422, null, "service_id");
        (await Call(2_000_000_000, elsewhere)).Refused(404, "Project", null, """{"id":2000000000}""");
        (await Call(project, elsewhere)).Refused(404, "Service", null, $$"""{"id":{{elsewhere}}}""");
        (await Call(project, 99999999999)).Refused(404, "Service", null, """{"id":99999999999}""");
    }

    [Fact]
    public async Task A_limit_cannot_fall_below_what_environments_hold()
    {
        var service = await Given.NewServiceAsync("search");
        var project = await Given.NewProjectAsync((service, 100));
        var disabled = await Given.EnvironmentAsync(project, (service, 50));
        await Given.EnvironmentAsync(project, (service, 30));
        await Rest.PostAsync($"/environments/{disabled}/disable");
        var path = $"/projects/{project}/services/{service}";

        var refused = await Rest.PatchAsync(path, """{"max_requests": 79}""");

        refused.Refused(422, "ProjectServiceUpdate", "max_requests");
        Assert.Equal(
            "Service search 1.0.0 cannot be limited to 79 requests, fewer than the 80 that the project's environments have: "
                + "the project limit is 100 and 20 are still free.",
            refused.Value("message"));
        Assert.Equal("80", (await Rest.PatchAsync(path, """{"max_requests": 80}""")).Value("max_requests"));
    }

    [Fact, Checklist(33)]
    public async Task A_project_stays_unlimited_while_an_environment_is()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, -1));
        var environment = await Given.EnvironmentAsync(project, (service, -1));
        var path = $"/projects/{project}/services/{service}";

        (await Rest.PatchAsync(path, """{"max_requests": 1000000}""")).Refused(422, "ProjectServiceUpdate", "max_requests");
        await Rest.DeleteAsync($"/environments/{environment}/services/{service}");
        (await Rest.PatchAsync(path, """{"max_requests": 1000000}""")).Expect(HttpStatusCode.OK);
    }

    [Fact, Checklist(42)]
    public async Task A_removed_service_leaves_every_environment_of_that_project_only()
    {
        var (service, other) = (await Given.NewServiceAsync(), await Given.NewServiceAsync());
        var project = await Given.NewProjectAsync((service, 10), (other, 10));
        var environment = await Given.EnvironmentAsync(project, (service, 5), (other, 5));
        var elsewhere = await Given.NewProjectAsync((service, 10));
        var untouched = await Given.EnvironmentAsync(elsewhere, (service, 5));

        (await Rest.DeleteAsync($"/projects/{project}/services/{service}")).Expect(HttpStatusCode.NoContent);

        var left = Assert.Single((await Rest.GetAsync($"/environments/{environment}")).Json["services"]!.AsArray());
        Assert.Equal(other, (int)left!["id"]!);
        Assert.Single((await Rest.GetAsync($"/environments/{untouched}")).Json["services"]!.AsArray());
        (await Rest.DeleteAsync($"/projects/{project}/services/{service}")).Refused(404, "Service", null, $$"""{"id":{{service}}}""");
        Assert.Single((await Rest.GetAsync($"/environments/{environment}")).Json["services"]!.AsArray());
        Assert.Single((await Rest.GetAsync($"/environments/{untouched}")).Json["services"]!.AsArray());
        Assert.Single((await Rest.GetAsync($"/projects/{elsewhere}")).Json["services"]!.AsArray());
    }

    [Theory, Checklist(42, 44)]
    [InlineData("environment_service", "environment_id")]
    [InlineData("project_service", "project_id")]
    public async Task A_removal_that_fails_half_way_removes_nothing(string table, string column)
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 100));
        var first = await Given.EnvironmentAsync(project, (service, 10));
        var last = await Given.EnvironmentAsync(project, (service, 20));
        var before = (await StateAsync(project), await StateAsync(project, "/environments"));
        var trigger = $"refuse_{project}";
        await pandora.Node.ExecuteAsync(
            $"""
            CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''too late''; END';
            CREATE TRIGGER {trigger} AFTER DELETE ON {table} FOR EACH ROW
                WHEN (OLD.{column} = {(table == "project_service" ? project : last)}) EXECUTE FUNCTION {trigger}();
            """);

        var failed = await Rest.DeleteAsync($"/projects/{project}/services/{service}");
        var after = (await StateAsync(project), await StateAsync(project, "/environments"));
        await pandora.Node.ExecuteAsync($"DROP TRIGGER {trigger} ON {table}");

        failed.ExpectError(HttpStatusCode.InternalServerError, "INTERNAL");
        Assert.DoesNotContain("too late", failed.Body, StringComparison.Ordinal);
        Assert.Equal(before, after);
        (await Rest.DeleteAsync($"/projects/{project}/services/{service}")).Expect(HttpStatusCode.NoContent);
        Assert.Equal("[]", (await Rest.GetAsync($"/environments/{first}")).Json["services"]!.ToJsonString());
    }

    private async Task<string> StateAsync(int project, string below = "") => (await Rest.GetAsync($"/projects/{project}{below}")).Body;

    private static string Entry(int id, long max, string frequency = "daily") =>
        $$"""{"id": {{id}}, "max_requests": {{max}}, "reset_frequency": "{{frequency}}"}""";
}
