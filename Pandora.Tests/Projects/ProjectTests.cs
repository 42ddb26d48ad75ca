using System.Net;
using Pandora.Core.Rest;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Projects;

public sealed class ProjectTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private RestClient Rest => pandora.Node.Rest;

    private Scenario Given => pandora.Scenario;

    [Fact, Checklist(36, 51)]
    public async Task A_project_is_created_with_its_services_newest_first()
    {
        var client = await Given.ClientAsync();
        var first = await Given.NewServiceAsync("s");
        var second = await Given.NewServiceAsync();

        var answer = await Rest.PostAsync(
            "/projects",
            $$"""
            {"name": "  shop  ", "client_id": {{client}}, "services": [
                {"id": {{first}}, "max_requests": 0, "reset_frequency": "daily"},
                {"id": {{second}}, "max_requests": -1, "reset_frequency": "monthly"}]}
            """);

        answer.Expect(HttpStatusCode.Created);
        Assert.Equal(["id", "name", "status", "client_id", "created_at", "services"], answer.Json.Names());
        Assert.Equal("shop", answer.Value("name"));
        Assert.Equal("enabled", answer.Value("status"));
        Assert.Equal($"{second},{first}", $"{answer.Value("services.0.id")},{answer.Value("services.1.id")}");
        Assert.Equal(
            ["id", "name", "version", "next_reset", "max_requests", "reset_frequency", "assigned_at"],
            answer.At("services.1").Names());
        Assert.Equal("s", answer.Value("services.1.name"));
        Assert.Equal("0", answer.Value("services.1.max_requests"));
        Assert.Equal("2026-03-11T00:00:00Z", answer.Value("services.1.next_reset"));
        Assert.Equal("2026-04-10T00:00:00Z", answer.Value("services.0.next_reset"));
        Assert.Equal(Timestamp.Format(pandora.Clock.Now), answer.Value("created_at"));
        Assert.Equal(answer.Body, (await Rest.GetAsync($"/projects/{answer.Value("id")}")).Body);
    }

    [Theory, Checklist(80, 81)]
    [InlineData("")]
    [InlineData(""", "services": null""")]
    [InlineData(""", "services": [], "status": "disabled" """)]
    public async Task A_project_may_have_no_services_and_no_status_of_its_own(string more)
    {
        var client = await Given.ClientAsync();

        var answer = await Rest.PostAsync("/projects", $$"""{"name": "a", "client_id": {{client}} {{more}}}""");

        answer.Expect(HttpStatusCode.Created);
        Assert.Equal("enabled", answer.Value("status"));
        Assert.Equal("[]", answer.Json["services"]!.ToJsonString());
        Assert.Equal("[]", (await Rest.GetAsync($"/projects/{answer.Value("id")}")).Json["services"]!.ToJsonString());
        Assert.Equal("[]", (await Rest.PatchAsync($"/projects/{answer.Value("id")}", "{}")).Json["services"]!.ToJsonString());
        Assert.Equal("[]", (await Rest.GetAsync($"/clients/{client}/projects")).Json[0]!["services"]!.ToJsonString());
    }

    [Fact, Checklist(85)]
    public async Task All_faulty_fields_are_reported_in_their_order()
    {
        var answer = await Rest.PostAsync(
            "/projects",
            """
            {"name": " ", "client_id": 0, "services": [
                {"max_requests": -2, "reset_frequency": "yearly"},
                null,
                {"id": null, "max_requests": 9007199254740992, "reset_frequency": null}]}
            """);

        answer.RefusedTogether(
            422,
            new(422, "ProjectCreate", "name"),
            new(422, "ProjectCreate", "client_id"),
            new(422, "ProjectCreate", "services[0].id"),
            new(422, "ProjectCreate", "services[0].max_requests"),
            new(422, "ProjectCreate", "services[0].reset_frequency"),
            new(422, "ProjectCreate", "services[1]"),
            new(422, "ProjectCreate", "services[2].id"),
            new(422, "ProjectCreate", "services[2].max_requests"),
            new(422, "ProjectCreate", "services[2].reset_frequency"));
    }

    [Theory, Checklist(86)]
    [InlineData("{", null)]
    [InlineData("[]", null)]
    [InlineData("", null)]
    [InlineData("""{"name": 1, "client_id": 1}""", "name")]
    [InlineData("""{"name": "a", "client_id": "1"}""", "client_id")]
    [InlineData("""{"name": "a", "client_id": 1.0}""", "client_id")]
    [InlineData("""{"name": "a", "client_id": 1, "services": {}}""", "services")]
    [InlineData("""{"name": "a", "client_id": 1, "services": [{"id": 1, "max_requests": "5", "reset_frequency": "daily"}]}""", "services[0].max_requests")]
    public async Task An_unreadable_body_is_refused(string body, string? loc) =>
        (await Rest.PostAsync("/projects", body)).Refused(422, "body", loc);

    [Theory]
    [InlineData("2000000000")]
    [InlineData("99999999999999999999")]
    public async Task A_missing_client_answers_alone(string client) =>
        (await Rest.PostAsync(
            "/projects",
            $$"""{"name": "a", "client_id": {{client}}, "services": [{"id": 2000000000, "max_requests": 1, "reset_frequency": "daily"}]}"""))
        .Refused(404, "Client", "client_id", $$"""{"id":{{client}}}""");

    [Fact, Checklist(41)]
    public async Task All_faulty_services_answer_together_before_the_name_and_nothing_is_left()
    {
        var (project, service) = (await Given.NewProjectAsync(), await Given.NewServiceAsync());
        var existing = await Rest.GetAsync($"/projects/{project}");

        var answer = await Rest.PostAsync(
            "/projects",
            $$"""
            {"name": "{{existing.Value("name")}}", "client_id": {{existing.Value("client_id")}}, "services": [
                {"id": {{service}}, "max_requests": 1, "reset_frequency": "daily"},
                {"id": 2000000000, "max_requests": 1, "reset_frequency": "daily"},
                {"id": {{service}}, "max_requests": 1, "reset_frequency": "daily"}]}
            """);

        answer.RefusedTogether(
            404,
            new(404, "Service", "services[1].id", """{"id":2000000000}"""),
            new(409, "ProjectService", "services[2].id", $$"""{"id":{{service}}}"""));
        Assert.Single((await Rest.GetAsync($"/clients/{existing.Value("client_id")}/projects")).Json.AsArray());
    }

    [Fact, Checklist(41)]
    public async Task The_same_service_twice_is_a_conflict_and_leaves_no_record()
    {
        var (client, service) = (await Given.ClientAsync(), await Given.NewServiceAsync());

        var answer = await Rest.PostAsync(
            "/projects",
            $$"""
            {"name": "a", "client_id": {{client}}, "services": [
                {"id": {{service}}, "max_requests": 1, "reset_frequency": "daily"},
                {"id": {{service}}, "max_requests": 1, "reset_frequency": "daily"}]}
            """);

        answer.Refused(409, "ProjectService", "services[1].id", $$"""{"id":{{service}}}""");
        Assert.Equal("[]", (await Rest.GetAsync($"/clients/{client}/projects")).Body);
    }

    [Fact, Checklist(45)]
    public async Task A_name_is_unique_among_the_projects_of_a_client()
    {
        var (one, other) = (await Given.ClientAsync(), await Given.ClientAsync());
        await Rest.PostAsync("/projects", $$"""{"name": "a", "client_id": {{one}}}""");
        var second = await Rest.PostAsync("/projects", $$"""{"name": "A", "client_id": {{one}}}""");

        (await Rest.PostAsync("/projects", $$"""{"name": " a ", "client_id": {{one}}}"""))
            .Refused(409, "Project", null, $$"""{"name":"a","client_id":{{one}}}""");
        (await Rest.PostAsync("/projects", $$"""{"name": "a", "client_id": {{other}}}""")).Expect(HttpStatusCode.Created);
        (await Rest.PatchAsync($"/projects/{second.Value("id")}", """{"name": "a"}"""))
            .Refused(409, "Project", null, $$"""{"name":"a","client_id":{{one}}}""");
        Assert.Equal("A", (await Rest.GetAsync($"/projects/{second.Value("id")}")).Value("name"));
    }

    [Fact]
    public async Task A_rename_keeps_everything_else()
    {
        var project = await Given.NewProjectAsync((await Given.NewServiceAsync(), 10));
        var before = await Rest.GetAsync($"/projects/{project}");

        var renamed = await Rest.PatchAsync($"/projects/{project}", """{"name": " new ", "status": "disabled"}""");
        var same = await Rest.PatchAsync($"/projects/{project}", """{"name": "new"}""");

        renamed.Expect(HttpStatusCode.OK);
        Assert.Equal(before.Body.Replace((string)before.Json["name"]!, "new", StringComparison.Ordinal), renamed.Body);
        Assert.Equal((HttpStatusCode.OK, renamed.Body), (same.Status, same.Body));
    }

    [Theory, Checklist(48)]
    [InlineData("null")]
    [InlineData("\"\"")]
    [InlineData("\" \\t\"")]
    public async Task A_blank_name_is_refused(string name)
    {
        var project = await Given.NewProjectAsync();

        (await Rest.PatchAsync($"/projects/{project}", $$"""{"name": {{name}}}""")).Refused(422, "ProjectUpdate", "name");
        (await Rest.PostAsync("/projects", $$"""{"name": {{name}}, "client_id": 1}""")).Refused(422, "ProjectCreate", "name");
    }

    [Fact]
    public async Task A_name_has_at_most_255_characters()
    {
        var project = await Given.NewProjectAsync();
        var longest = string.Concat(Enumerable.Repeat("😀", 255));

        Assert.Equal(longest, (await Rest.PatchAsync($"/projects/{project}", $$"""{"name": "{{longest}}"}""")).Value("name"));
        (await Rest.PatchAsync($"/projects/{project}", $$"""{"name": "{{longest}}x"}""")).Refused(422, "ProjectUpdate", "name");
    }

    [Fact, Checklist(77)]
    public async Task A_project_is_switched_off_and_on()
    {
        var project = await Given.NewProjectAsync();

        foreach (var verb in new[] { "disable", "disable", "enable", "enable" })
        {
            (await Rest.PostAsync($"/projects/{project}/{verb}")).Expect(HttpStatusCode.NoContent);
            Assert.Equal($"{verb}d", (await Rest.GetAsync($"/projects/{project}")).Value("status"));
        }
    }

    [Fact]
    public async Task A_deleted_project_takes_its_environments_along()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 10));
        var environment = await Given.EnvironmentAsync(project, (service, 5));

        (await Rest.DeleteAsync($"/projects/{project}")).Expect(HttpStatusCode.NoContent);

        (await Rest.GetAsync($"/projects/{project}")).Expect(HttpStatusCode.NotFound);
        (await Rest.GetAsync($"/environments/{environment}")).Expect(HttpStatusCode.NotFound);
        (await Rest.DeleteAsync($"/projects/{project}")).Refused(404, "Project", null, $$"""{"id":{{project}}}""");
    }

    [Theory, Checklist(47, 84)]
    [InlineData("GET", "/projects/{0}")]
    [InlineData("PATCH", "/projects/{0}")]
    [InlineData("DELETE", "/projects/{0}")]
    [InlineData("POST", "/projects/{0}/enable")]
    [InlineData("POST", "/projects/{0}/disable")]
    [InlineData("GET", "/projects/{0}/environments")]
    [InlineData("GET", "/clients/{0}/projects")]
    public async Task An_id_in_the_path_is_checked(string method, string path)
    {
        var entity = path.StartsWith("/clients", StringComparison.Ordinal) ? "Client" : "Project";
        Task<RestAnswer> Call(string id) => Rest.SendAsync(
            new HttpMethod(method), path.Replace("{0}", id, StringComparison.Ordinal), method == "PATCH" ? "{}" : null);

        (await Call("NaN")).Refused(422, "path", "id");
        (await Call("0")).Refused(422, null, "id");
        (await Call("-7")).Refused(422, null, "id");
        (await Call("2000000000")).Refused(404, entity, null, """{"id":2000000000}""");
        (await Call("9999999999999")).Refused(404, entity, null, """{"id":9999999999999}""");
    }

    [Fact, Checklist(83)]
    public async Task Lists_are_newest_first_and_paged()
    {
        var client = await Given.ClientAsync();
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            if (i != 2)
            {
                pandora.Clock.Advance(TimeSpan.FromMilliseconds(1)); // two of them share a moment
            }
            ids.Insert(0, (await Rest.PostAsync("/projects", $$"""{"name": "p{{i}}", "client_id": {{client}}}""")).Value("id")!);
        }

        var shown = new List<string>();
        for (var path = $"/clients/{client}/projects?limit=2"; path is not null;)
        {
            var page = await Rest.GetAsync(path);
            shown.AddRange(page.Json.AsArray().Select(row => row!["id"]!.ToString()));
            path = page.NextPage?["/api/v1".Length..];
        }
        var all = await Rest.GetAsync("/projects");

        Assert.Equal(ids, shown);
        Assert.Equal(ids, all.Json.AsArray().Select(row => row!["id"]!.ToString()).Where(ids.Contains));
        Assert.Equal(["id", "name", "status", "client_id", "created_at", "services"], all.At("0").Names());
        (await Rest.GetAsync("/projects?limit=0")).Refused(422, "query", "limit");
        (await Rest.GetAsync("/projects?cursor=x")).Refused(422, "query", "cursor");
    }
}
