using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Environments;

public sealed class EnvironmentTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private RestClient Rest => pandora.Node.Rest;

    private Scenario Given => pandora.Scenario;

    [Fact, Checklist(83)]
    public async Task An_environment_is_created_with_full_quotas()
    {
        var (first, second) = (await Given.NewServiceAsync("a"), await Given.NewServiceAsync());
        var project = await Given.NewProjectAsync((first, 100), (second, -1));

        var answer = await Rest.PostAsync(
            "/environments",
            $$"""
            {"name": " live ", "project_id": {{project}}, "status": "disabled", "services": [
                {"id": {{first}}, "max_requests": 100}, {"id": {{second}}, "max_requests": -1}]}
            """);

        answer.Expect(HttpStatusCode.Created);
        Assert.Equal(["id", "name", "status", "project_id", "created_at", "services"], answer.Json.Names());
        Assert.Equal("live", answer.Value("name"));
        Assert.Equal("enabled", answer.Value("status"));
        Assert.Equal($"{project}", answer.Value("project_id"));
        Assert.Equal(
            ["id", "name", "version", "max_requests", "available_requests", "assigned_at"],
            answer.At("services.0").Names());
        Assert.Equal($"{second}", answer.Value("services.0.id"));
        Assert.Equal("-1", answer.Value("services.0.max_requests"));
        Assert.Equal("-1", answer.Value("services.0.available_requests"));
        Assert.Equal("a", answer.Value("services.1.name"));
        Assert.Equal("100", answer.Value("services.1.max_requests"));
        Assert.Equal("100", answer.Value("services.1.available_requests"));
        Assert.Equal(answer.Body, (await Rest.GetAsync($"/environments/{answer.Value("id")}")).Body);
        Assert.Equal($"[{answer.Body}]", (await Rest.GetAsync($"/projects/{project}/environments")).Body);
        Assert.Equal($"[{answer.Body}]", (await Rest.GetAsync($"/environments?project_id={project}")).Body);
    }

    [Theory, Checklist(81)]
    [InlineData("")]
    [InlineData(""", "services": null""")]
    [InlineData(""", "services": []""")]
    public async Task An_environment_may_have_no_services(string more)
    {
        var project = await Given.NewProjectAsync();
        Assert.Equal("[]", (await Rest.GetAsync($"/projects/{project}/environments")).Body);

        var answer = await Rest.PostAsync("/environments", $$"""{"name": "a", "project_id": {{project}} {{more}}}""");

        Assert.Equal((HttpStatusCode.Created, "[]"), (answer.Status, answer.Json["services"]!.ToJsonString()));
        var path = $"/environments/{answer.Value("id")}";
        Assert.Equal("[]", (await Rest.GetAsync(path)).Json["services"]!.ToJsonString());
        Assert.Equal("[]", (await Rest.PatchAsync(path, "{}")).Json["services"]!.ToJsonString());
        Assert.Equal("[]", (await Rest.GetAsync($"/projects/{project}/environments")).Json[0]!["services"]!.ToJsonString());
    }

    [Fact, Checklist(35, 85)]
    public async Task All_faulty_fields_are_reported_in_their_order()
    {
        var answer = await Rest.PostAsync("/environments", """{"project_id": -1, "services": [{"id": 0}, {"max_requests": -2}]}""");

        answer.RefusedTogether(
            422,
            new(422, "EnvironmentCreate", "name"),
            new(422, "EnvironmentCreate", "project_id"),
            new(422, "EnvironmentCreate", "services[0].id"),
            new(422, "EnvironmentCreate", "services[0].max_requests"),
            new(422, "EnvironmentCreate", "services[1].id"),
            new(422, "EnvironmentCreate", "services[1].max_requests"));
    }

    [Fact]
    public async Task A_missing_project_answers_alone() =>
        (await Rest.PostAsync("/environments", """{"name": "a", "project_id": 2147483648, "services": [{"id": 1, "max_requests": 1}]}"""))
        .Refused(404, "Project", "project_id", """{"id":2147483648}""");

    [Fact, Checklist(41)]
    public async Task All_faulty_services_answer_together_before_the_name_and_nothing_is_left()
    {
        var first = await Given.NewServiceAsync("mail");
        var second = await Given.NewServiceAsync();
        var elsewhere = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((first, 100), (second, 10));
        var existing = await Rest.GetAsync($"/environments/{await Given.EnvironmentAsync(project, (first, 70))}");

        var answer = await Rest.PostAsync(
            "/environments",
            $$"""
            {"name": "{{existing.Value("name")}}", "project_id": {{project}}, "services": [
                {"id": {{first}}, "max_requests": 31},
                {"id": {{elsewhere}}, "max_requests": 1},
                {"id": {{second}}, "max_requests": 10},
                {"id": {{second}}, "max_requests": -1},
                {"id": 2000000000, "max_requests": 1}]}
            """);

        answer.RefusedTogether(
            404,
            new(422, "EnvironmentCreate", "services[0].max_requests"),
            new(404, "Service", "services[1].id", $$"""{"id":{{elsewhere}}}"""),
            new(409, "EnvironmentService", "services[3].id", $$"""{"id":{{second}}}"""),
            new(404, "Service", "services[4].id", """{"id":2000000000}"""));
        foreach (var part in new[] { "mail", "100", "30" })
        {
            Assert.Contains(part, answer.Value("errors.0.message"), StringComparison.Ordinal);
        }
        Assert.Single((await Rest.GetAsync($"/projects/{project}/environments")).Json.AsArray());
    }

    [Fact, Checklist(41)]
    public async Task The_same_service_twice_is_a_conflict_and_leaves_no_record()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 100));
        var entry = new { id = service, max_requests = 1 };

        var answer = await Rest.PostAsync("/environments", new { name = "a", project_id = project, services = new[] { entry, entry } });

        answer.Refused(409, "EnvironmentService", "services[1].id", $$"""{"id":{{service}}}""");
        Assert.Equal("[]", (await Rest.GetAsync($"/projects/{project}/environments")).Body);
    }

    [Theory]
    [InlineData(100, -1)]
    [InlineData(100, 101)]
    [InlineData(0, 1)]
    public async Task A_quota_beyond_the_project_is_refused(long limit, long max)
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, limit));

        (await Rest.PostAsync("/environments", new { name = "a", project_id = project, services = new[] { new { id = service, max_requests = max } } }))
            .Refused(422, "EnvironmentCreate", "services[0].max_requests");
        Assert.Equal("[]", (await Rest.GetAsync($"/projects/{project}/environments")).Body);
    }

    [Fact, Checklist(45)]
    public async Task A_name_is_unique_in_its_project()
    {
        var (project, other) = (await Given.NewProjectAsync(), await Given.NewProjectAsync());
        await Rest.PostAsync("/environments", $$"""{"name": "a", "project_id": {{project}}}""");
        var second = await Rest.PostAsync("/environments", $$"""{"name": "b", "project_id": {{project}}}""");

        (await Rest.PostAsync("/environments", $$"""{"name": " a ", "project_id": {{project}}}"""))
            .Refused(409, "Environment", null, $$"""{"name":"a","project_id":{{project}}}""");
        (await Rest.PatchAsync($"/environments/{second.Value("id")}", """{"name": "a"}"""))
            .Refused(409, "Environment", null, $$"""{"name":"a","project_id":{{project}}}""");
        (await Rest.PatchAsync($"/environments/{second.Value("id")}", """{"name": "b"}""")).Expect(HttpStatusCode.OK);
        (await Rest.PostAsync("/environments", $$"""{"name": "a", "project_id": {{other}}}""")).Expect(HttpStatusCode.Created);
    }

    [Theory, Checklist(48)]
    [InlineData("null")]
    [InlineData("\"\"")]
    [InlineData("\"\\u00a0\"")]
    public async Task A_blank_name_is_refused(string name)
    {
        var environment = await Given.EnvironmentAsync(await Given.NewProjectAsync());

        (await Rest.PatchAsync($"/environments/{environment}", $$"""{"name": {{name}}}""")).Refused(422, "EnvironmentUpdate", "name");
    }

    [Fact, Checklist(77)]
    public async Task An_environment_is_renamed_switched_and_deleted()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 10));
        var environment = await Given.EnvironmentAsync(project, (service, 10));
        await pandora.Node.UseAsync(environment, service, 4);

        var renamed = await Rest.PatchAsync($"/environments/{environment}", """{"name": " new "}""");
        Assert.Equal(("new", "6"), (renamed.Value("name"), renamed.Value("services.0.available_requests")));
        (await Rest.PostAsync($"/environments/{environment}/disable")).Expect(HttpStatusCode.NoContent);
        Assert.Equal("disabled", (await Rest.GetAsync($"/environments/{environment}")).Value("status"));
        (await Rest.PostAsync($"/environments/{environment}/enable")).Expect(HttpStatusCode.NoContent);
        (await Rest.PostAsync($"/environments/{environment}/enable")).Expect(HttpStatusCode.NoContent);
        Assert.Equal("enabled", (await Rest.GetAsync($"/environments/{environment}")).Value("status"));
        (await Rest.DeleteAsync($"/environments/{environment}")).Expect(HttpStatusCode.NoContent);
        (await Rest.DeleteAsync($"/environments/{environment}")).Refused(404, "Environment", null, $$"""{"id":{{environment}}}""");
        await Given.EnvironmentAsync(project, (service, 10)); // its share is free again
    }

    [Theory, Checklist(47, 84)]
    [InlineData("GET", "")]
    [InlineData("PATCH", "")]
    [InlineData("DELETE", "")]
    [InlineData("POST", "/enable")]
    [InlineData("POST", "/disable")]
    public async Task An_id_in_the_path_is_checked(string method, string verb)
    {
        Task<RestAnswer> Call(string id) =>
            Rest.SendAsync(new HttpMethod(method), $"/environments/{id}{verb}", method == "PATCH" ? "{}" : null);

        (await Call("NaN")).Refused(422, "path", "id");
        (await Call("0")).Refused(422, null, "id");
        (await Call("2000000000")).Refused(404, "Environment", null, """{"id":2000000000}""");
        (await Call("4000000000")).Refused(404, "Environment", null, """{"id":4000000000}""");
    }

    [Fact]
    public async Task The_list_is_filtered_by_project_newest_first_and_paged()
    {
        var project = await Given.NewProjectAsync();
        var ids = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            ids.Insert(0, (await Given.EnvironmentAsync(project)).ToString());
            await Given.EnvironmentAsync(await Given.NewProjectAsync());
        }

        var first = await Rest.GetAsync($"/environments?project_id={project}&limit=2");
        var second = await Rest.GetAsync(first.NextPage!["/api/v1".Length..]);

        Assert.Equal(ids, first.Json.AsArray().Concat(second.Json.AsArray()).Select(row => row!["id"]!.ToString()));
        Assert.Null(second.NextPage);
        Assert.Equal("[]", (await Rest.GetAsync("/environments?project_id=2000000000")).Body);
        Assert.Equal("[]", (await Rest.GetAsync("/environments?project_id=99999999999999999999")).Body);
        (await Rest.GetAsync("/environments?project_id=0")).Refused(422, "EnvironmentFilter", "project_id");
        (await Rest.GetAsync("/environments?project_id=x")).Refused(422, "query", "project_id");
        (await Rest.GetAsync($"/environments?project_id={project}&project_id={project}")).Refused(422, "query", "project_id");
        Assert.True((await Rest.GetAsync("/environments?project_id=")).Json.AsArray().Count >= 6);
    }
}
