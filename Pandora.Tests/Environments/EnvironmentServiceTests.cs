using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Environments;

public sealed class EnvironmentServiceTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private RestClient Rest => pandora.Node.Rest;

    private Scenario Given => pandora.Scenario;

    [Fact]
    public async Task A_service_is_put_on_an_environment()
    {
        var service = await Given.NewServiceAsync("maps");
        var project = await Given.NewProjectAsync((service, 100));
        var environment = await Given.EnvironmentAsync(project);

        var answer = await Rest.PostAsync($"/environments/{environment}/services", Entry(service, 60));

        answer.Expect(HttpStatusCode.OK);
        Assert.Equal(
            $$"""{"id":{{service}},"name":"maps","version":"1.0.0","max_requests":60,"available_requests":"""
                + """60,"assigned_at":"2026-03-10T12:00:00Z"}""",
            answer.Body);
        Assert.Equal(answer.Body, (await Rest.GetAsync($"/environments/{environment}")).Json["services"]![0]!.ToJsonString());
    }

    [Fact]
    public async Task An_assignment_is_refused_stage_by_stage()
    {
        var (service, elsewhere) = (await Given.NewServiceAsync("mail"), await Given.NewServiceAsync());
        var project = await Given.NewProjectAsync((service, 100));
        var environment = await Given.EnvironmentAsync(project);
        var holder = await Given.EnvironmentAsync(project, (service, 80));
        var path = $"/environments/{environment}/services";

        (await Rest.PostAsync("/environments/x/services", "{")).Refused(422, "path", "id");
        (await Rest.PostAsync(path, "")).Refused(422, "body");
        (await Rest.PostAsync("/environments/2000000000/services", "{}"))
            .RefusedTogether(422, new(422, "EnvironmentService", "id"), new(422, "EnvironmentService", "max_requests"));
        (await Rest.PostAsync(path, Entry(service, null))).Refused(422, "EnvironmentService", "max_requests");
        (await Rest.PostAsync("/environments/2000000000/services", Entry(service, 1)))
            .Refused(404, "Environment", null, """{"id":2000000000}""");
        (await Rest.PostAsync($"/environments/{holder}/services", Entry(service, -1)))
            .Refused(409, "EnvironmentService", null, $$"""{"id":{{service}}}""");
        (await Rest.PostAsync(path, Entry(elsewhere, -1))).Refused(404, "Service", "id", $$"""{"id":{{elsewhere}}}""");
        (await Rest.PostAsync(path, Entry(2_000_000_000, -1))).Refused(404, "Service", "id", """{"id":2000000000}""");
        (await Rest.PostAsync(path, Entry(service, -1))).Refused(422, "EnvironmentService", "max_requests");
        var over = await Rest.PostAsync(path, Entry(service, 21));
        over.Refused(422, "EnvironmentService", "max_requests");
        foreach (var part in new[] { "mail", "100", "20" })
        {
            Assert.Contains(part, over.Value("message"), StringComparison.Ordinal);
        }
        (await Rest.PostAsync(path, Entry(service, 20))).Expect(HttpStatusCode.OK);
    }

    [Fact, Checklist(35, 36)]
    public async Task An_assignment_needs_its_quota_and_may_be_of_nothing()
    {
        var service = await Given.NewServiceAsync();
        var environment = await Given.EnvironmentAsync(await Given.NewProjectAsync((service, 100)));
        var path = $"/environments/{environment}/services";

        (await Rest.PostAsync(path, $$"""{"id": {{service}}}""")).Refused(422, "EnvironmentService", "max_requests");
        Assert.Equal("[]", (await Rest.GetAsync($"/environments/{environment}")).Json["services"]!.ToJsonString());
        var nothing = await Rest.PostAsync(path, Entry(service, 0));

        Assert.Equal((HttpStatusCode.OK, "0", "0"), (nothing.Status, nothing.Value("max_requests"), nothing.Value("available_requests")));
    }

    [Theory, Checklist(36, 38)]
    [InlineData(50, 30)]
    [InlineData(200, 180)]
    [InlineData(10, 0)]
    [InlineData(0, 0)]
    [InlineData(100, 80)]
    public async Task A_change_keeps_what_was_used(long max, long available)
    {
        var (environment, service) = await EnvironmentAsync(limit: 200, max: 100);
        await pandora.Node.UseAsync(environment, service, 20);

        var answer = await Rest.PatchAsync($"/environments/{environment}/services/{service}", Quota(max));

        answer.Expect(HttpStatusCode.OK);
        Assert.Equal(($"{max}", $"{available}"), (answer.Value("max_requests"), answer.Value("available_requests")));
        Assert.Equal(answer.Body, (await Rest.GetAsync($"/environments/{environment}")).Json["services"]![0]!.ToJsonString());
    }

    [Fact, Checklist(34)]
    public async Task A_quota_goes_to_unlimited_and_back_below_an_unlimited_project()
    {
        var (environment, service) = await EnvironmentAsync(limit: -1, max: 100);
        await pandora.Node.UseAsync(environment, service, 20);
        var path = $"/environments/{environment}/services/{service}";

        Assert.Equal("-1", (await Rest.PatchAsync(path, Quota(-1))).Value("available_requests"));
        Assert.Equal("50", (await Rest.PatchAsync(path, Quota(50))).Value("available_requests"));
    }

    [Theory, Checklist(35)]
    [InlineData("{}")]
    [InlineData("""{"max_requests": null}""")]
    [InlineData("""{"max_requests": -2}""")]
    [InlineData("""{"max_requests": 9007199254740992}""")]
    [InlineData("""{"max_requests": 99999999999999999999}""")]
    [InlineData("""{"max_requests": -1}""")]
    [InlineData("""{"max_requests": 101}""")]
    public async Task A_quota_that_does_not_fit_changes_nothing(string body)
    {
        var (environment, service) = await EnvironmentAsync(limit: 100, max: 40);
        var before = await Rest.GetAsync($"/environments/{environment}");

        (await Rest.PatchAsync($"/environments/{environment}/services/{service}", body))
            .Refused(422, "EnvironmentServiceUpdateInput", "max_requests");

        Assert.Equal(before.Body, (await Rest.GetAsync($"/environments/{environment}")).Body);
    }

    [Fact]
    public async Task A_change_may_take_what_is_free_and_what_it_had()
    {
        var service = await Given.NewServiceAsync("queue");
        var project = await Given.NewProjectAsync((service, 100));
        await Given.EnvironmentAsync(project, (service, 30));
        var environment = await Given.EnvironmentAsync(project, (service, 50));
        var path = $"/environments/{environment}/services/{service}";

        var refused = await Rest.PatchAsync(path, Quota(71));

        refused.Refused(422, "EnvironmentServiceUpdateInput", "max_requests");
        Assert.Equal(
            "Service queue 1.0.0 cannot have 71 requests here: the project limit is 100 and 20 are still free beside the 50 it has.",
            refused.Value("message"));
        (await Rest.PatchAsync(path, Quota(70))).Expect(HttpStatusCode.OK);
    }

    [Fact, Checklist(77)]
    public async Task A_reset_fills_one_environment_and_leaves_the_schedule()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 100));
        var one = await Given.EnvironmentAsync(project, (service, 10));
        var other = await Given.EnvironmentAsync(project, (service, 10));
        await pandora.Node.UseAsync(one, service, 10);
        await pandora.Node.UseAsync(other, service, 10);
        var before = await Rest.GetAsync($"/projects/{project}");

        var answer = await Rest.PostAsync($"/environments/{one}/services/{service}/reset-requests");

        Assert.Equal((HttpStatusCode.OK, "10"), (answer.Status, answer.Value("available_requests")));
        Assert.Equal("0", (await Rest.GetAsync($"/environments/{other}")).Value("services.0.available_requests"));
        Assert.Equal(before.Body, (await Rest.GetAsync($"/projects/{project}")).Body);
    }

    [Fact]
    public async Task A_reset_leaves_unlimited_unlimited()
    {
        var (environment, service) = await EnvironmentAsync(limit: -1, max: -1);

        var answer = await Rest.PostAsync($"/environments/{environment}/services/{service}/reset-requests");

        Assert.Equal("-1", answer.Value("available_requests"));
    }

    [Fact, Checklist(87)]
    public async Task A_service_is_removed_from_one_environment_only()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 100));
        var one = await Given.EnvironmentAsync(project, (service, 10));
        var other = await Given.EnvironmentAsync(project, (service, 10));

        (await Rest.DeleteAsync($"/environments/{one}/services/{service}")).Expect(HttpStatusCode.NoContent);
        (await Rest.DeleteAsync($"/environments/{one}/services/{service}")).Refused(404, "Service", null, $$"""{"id":{{service}}}""");

        Assert.Equal("[]", (await Rest.GetAsync($"/environments/{one}")).Json["services"]!.ToJsonString());
        Assert.Single((await Rest.GetAsync($"/environments/{other}")).Json["services"]!.AsArray());
    }

    [Theory]
    [InlineData("PATCH", "")]
    [InlineData("DELETE", "")]
    [InlineData("POST", "/reset-requests")]
    public async Task Both_ids_in_the_path_are_checked(string method, string verb)
    {
        var service = await Given.NewServiceAsync();
        var environment = await Given.EnvironmentAsync(await Given.NewProjectAsync((service, 10)));
        Task<RestAnswer> Call(object id, object serviceId) =>
            Rest.SendAsync(new HttpMethod(method), $"/environments/{id}/services/{serviceId}{verb}", method == "PATCH" ? Quota(1) : null);

        (await Call("x", "y")).Refused(422, "path", "id");
        (await Call(environment, "y")).Refused(422, "path", "service_id");
        (await Call(environment, 0)).Refused(422, null, "service_id");
        (await Call(2_000_000_000, service)).Refused(404, "Environment", null, """{"id":2000000000}""");
        (await Call(environment, service)).Refused(404, "Service", null, $$"""{"id":{{service}}}""");
        (await Call(environment, 2_000_000_000)).Refused(404, "Service", null, """{"id":2000000000}""");
        (await Call(environment, 99999999999)).Refused(404, "Service", null, """{"id":99999999999}""");
    }

    private async Task<(int Environment, int Service)> EnvironmentAsync(long limit, long max)
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, limit));
        return (await Given.EnvironmentAsync(project, (service, max)), service);
    }

    private static string Entry(int id, long? max) => $$"""{"id": {{id}}, "max_requests": {{max?.ToString() ?? "null"}}}""";

    private static string Quota(long max) => $$"""{"max_requests": {{max}}}""";
}
