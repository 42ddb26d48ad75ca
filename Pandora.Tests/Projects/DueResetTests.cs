using System.Globalization;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Projects;

/// <summary>A due reset is effective for the first call, whether or not it is written.</summary>
public sealed class DueResetTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private RestClient Rest => pandora.Node.Rest;

    private Scenario Given => pandora.Scenario;

    [Fact]
    public async Task Reads_show_a_due_reset_without_writing_it()
    {
        var (project, environment, service) = await UsedUpAndDueAsync();

        Assert.Equal("100", (await Rest.GetAsync($"/environments/{environment}")).Value("services.0.available_requests"));
        Assert.Equal("100", (await Rest.GetAsync($"/environments?project_id={project}")).Value("0.services.0.available_requests"));
        Assert.Equal("100", (await Rest.GetAsync($"/projects/{project}/environments")).Value("0.services.0.available_requests"));
        Assert.Equal(Tomorrow, (await Rest.GetAsync($"/projects/{project}")).Value("services.0.next_reset"));
        Assert.Equal(0, await pandora.Node.StoredAsync(environment, service));
    }

    [Fact]
    public async Task A_write_applies_a_due_reset_exactly_once()
    {
        var (project, environment, service) = await UsedUpAndDueAsync();

        var first = await Rest.PatchAsync($"/projects/{project}/services/{service}", "{}");
        var applied = await pandora.Node.StoredAsync(environment, service);
        await pandora.Node.UseAsync(environment, service, 30);
        var second = await Rest.PatchAsync($"/projects/{project}/services/{service}", """{"max_requests": 500}""");

        Assert.Equal((Tomorrow, Tomorrow), (first.Value("next_reset"), second.Value("next_reset")));
        Assert.Equal(100L, applied);
        Assert.Equal("70", (await Rest.GetAsync($"/environments/{environment}")).Value("services.0.available_requests"));
    }

    [Fact]
    public async Task A_quota_change_counts_from_the_quota_after_a_due_reset()
    {
        var (_, environment, service) = await UsedUpAndDueAsync();

        var answer = await Rest.PatchAsync($"/environments/{environment}/services/{service}", """{"max_requests": 50}""");

        Assert.Equal("50", answer.Value("available_requests"));
    }

    [Fact]
    public async Task Putting_a_service_on_an_environment_applies_what_is_due_to_the_others()
    {
        var (project, environment, service) = await UsedUpAndDueAsync();
        var other = await Given.EnvironmentAsync(project);
        await Rest.PostAsync($"/environments/{other}/services", $$"""{"id": {{service}}, "max_requests": 10}""");

        Assert.Equal(100, await pandora.Node.StoredAsync(environment, service));
        Assert.Equal(Tomorrow, (await Rest.GetAsync($"/projects/{project}")).Value("services.0.next_reset"));
    }

    [Fact]
    public async Task A_reset_of_one_environment_applies_what_is_due_to_all()
    {
        var (project, environment, service) = await UsedUpAndDueAsync();
        var other = await Given.EnvironmentAsync(project, (service, 10));
        await pandora.Node.UseAsync(environment, service, 100);
        await pandora.Node.UseAsync(other, service, 10);
        await pandora.AdvanceAsync(TimeSpan.FromDays(1));

        var answer = await Rest.PostAsync($"/environments/{other}/services/{service}/reset-requests");

        Assert.Equal("10", answer.Value("available_requests"));
        Assert.Equal(100, await pandora.Node.StoredAsync(environment, service));
    }

    [Fact]
    public async Task An_unrelated_quota_stays_when_another_is_due()
    {
        var (_, _, _) = await UsedUpAndDueAsync();
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 100));
        var environment = await Given.EnvironmentAsync(project, (service, 100));
        await pandora.Node.UseAsync(environment, service, 40);

        Assert.Equal("60", (await Rest.GetAsync($"/environments/{environment}")).Value("services.0.available_requests"));
    }

    [Fact]
    public async Task Creating_an_environment_applies_what_is_due_to_the_services_it_takes()
    {
        var first = await Given.NewServiceAsync();
        var second = await Given.NewServiceAsync();
        var third = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((first, 100), (second, 100), (third, 100));
        var environment = await Given.EnvironmentAsync(project, (first, 50), (second, 50), (third, 50));
        foreach (var service in new[] { first, second, third })
        {
            await pandora.Node.UseAsync(environment, service, 50);
        }
        await Rest.PatchAsync($"/projects/{project}/services/{third}", """{"next_reset": "2030-01-01"}""");
        await pandora.AdvanceAsync(TimeSpan.FromDays(400));

        await Given.EnvironmentAsync(project, (first, 50), (second, 50), (third, 50));

        Assert.Equal(50, await pandora.Node.StoredAsync(environment, first));
        Assert.Equal(50, await pandora.Node.StoredAsync(environment, second));
        Assert.Equal(0, await pandora.Node.StoredAsync(environment, third));
    }

    [Fact]
    public async Task A_manual_reset_without_recalculation_keeps_a_schedule_that_was_due_on_its_beat()
    {
        var (project, _, service) = await UsedUpAndDueAsync();

        var answer = await Rest.PostAsync($"/projects/{project}/services/{service}/reset-requests");

        Assert.Equal(Tomorrow, answer.Value("project_service.next_reset"));
        Assert.Equal("100", answer.Value("environment_services.0.service.available_requests"));
    }

    private string Tomorrow => pandora.Clock.Now.AddDays(1).ToString("yyyy-MM-dd'T00:00:00Z'", CultureInfo.InvariantCulture);

    private async Task<(int Project, int Environment, int Service)> UsedUpAndDueAsync()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 1000));
        var environment = await Given.EnvironmentAsync(project, (service, 100));
        await pandora.Node.UseAsync(environment, service, 100);
        Assert.Equal("0", (await Rest.GetAsync($"/environments/{environment}")).Value("services.0.available_requests"));
        await pandora.AdvanceAsync(TimeSpan.FromDays(3));
        return (project, environment, service);
    }
}
