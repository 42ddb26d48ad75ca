using System.Globalization;
using System.Net;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Projects;

/// <summary>A due reset is effective for the first call, though it is written nowhere.</summary>
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
    public async Task A_due_reset_counts_once()
    {
        var (project, environment, service) = await UsedUpAndDueAsync();

        var first = await Rest.PatchAsync($"/environments/{environment}/services/{service}", """{"max_requests": 100}""");
        await pandora.Node.UseAsync(environment, service, 30);
        var second = await Rest.PatchAsync($"/projects/{project}/services/{service}", """{"max_requests": 500}""");

        Assert.Equal(("100", Tomorrow), (first.Value("available_requests"), second.Value("next_reset")));
        Assert.Equal("70", await AvailableAsync(environment));
        await pandora.Node.ExpectProvenBooksAsync();
    }

    [Theory]
    [InlineData("""{"reset_frequency": "monthly"}""", "2026-04-")]
    [InlineData("""{"next_reset": "2030-01-01"}""", "2030-01-01")]
    [InlineData("""{"max_requests": 500}""", "")]
    [InlineData("{}", "")]
    public async Task A_reset_that_was_due_when_the_schedule_changed_stays_effective(string change, string nextReset)
    {
        pandora.Clock.Now = new DateTimeOffset(2026, 3, 10, 12, 0, 0, TimeSpan.Zero);
        await Rest.SignInAsync(TestAccount.Username, TestAccount.Password);
        var (project, environment, service) = await UsedUpAndDueAsync();

        var answer = await Rest.PatchAsync($"/projects/{project}/services/{service}", change);

        Assert.StartsWith(nextReset, answer.Value("next_reset"), StringComparison.Ordinal);
        Assert.Equal("100", await AvailableAsync(environment));
        await pandora.AdvanceAsync(TimeSpan.FromHours(1));
        Assert.Equal("100", await AvailableAsync(environment));
    }

    [Theory]
    [InlineData("""{"reset_frequency": "monthly"}""")]
    [InlineData("""{"next_reset": "2030-01-01"}""")]
    public async Task A_changed_schedule_is_no_reset(string change)
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 1000));
        var environment = await Given.EnvironmentAsync(project, (service, 100));
        await pandora.Node.UseAsync(environment, service, 40);

        (await Rest.PatchAsync($"/projects/{project}/services/{service}", change)).Expect(HttpStatusCode.OK);

        Assert.Equal("60", await AvailableAsync(environment));
    }

    [Fact]
    public async Task A_quota_change_counts_from_the_quota_after_a_due_reset()
    {
        var (_, environment, service) = await UsedUpAndDueAsync();

        var answer = await Rest.PatchAsync($"/environments/{environment}/services/{service}", """{"max_requests": 50}""");

        Assert.Equal("50", answer.Value("available_requests"));
    }

    [Fact]
    public async Task A_counter_that_comes_after_a_due_reset_does_not_get_it_again()
    {
        var (project, _, service) = await UsedUpAndDueAsync();
        var other = await Given.EnvironmentAsync(project, (service, 10));
        var third = await Given.EnvironmentAsync(project);
        await Rest.PostAsync($"/environments/{third}/services", $$"""{"id": {{service}}, "max_requests": 10}""");

        await pandora.Node.UseAsync(other, service, 4);
        await pandora.Node.UseAsync(third, service, 3);

        Assert.Equal(("6", "7"), (await AvailableAsync(other), await AvailableAsync(third)));
    }

    [Fact]
    public async Task An_unrelated_quota_stays_when_another_is_due()
    {
        var (_, _, _) = await UsedUpAndDueAsync();
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 100));
        var environment = await Given.EnvironmentAsync(project, (service, 100));
        await pandora.Node.UseAsync(environment, service, 40);

        Assert.Equal("60", await AvailableAsync(environment));
    }

    [Fact, Checklist(71)]
    public async Task Resets_of_years_need_nothing_to_be_written()
    {
        var service = await Given.NewServiceAsync();
        var environments = new List<int>();
        foreach (var frequency in (string[])["daily", "weekly", "biweekly", "monthly"])
        {
            var project = await Given.NewProjectAsync((service, 1000));
            await Rest.PatchAsync($"/projects/{project}/services/{service}", new { reset_frequency = frequency });
            environments.Add(await Given.EnvironmentAsync(project, (service, 100)));
            await pandora.Node.UseAsync(environments[^1], service, 100);
        }
        await pandora.Node.ExecuteAsync(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not now''; END';
            CREATE TRIGGER refuse BEFORE UPDATE ON project_service EXECUTE FUNCTION refuse();
            CREATE TRIGGER refuse BEFORE UPDATE ON environment_service EXECUTE FUNCTION refuse();
            """);
        try
        {
            await pandora.AdvanceAsync(TimeSpan.FromDays(3 * 365));
            await using var started = await pandora.StartAnotherNodeAsync();

            foreach (var environment in environments)
            {
                Assert.Equal("100", (await started.Rest.GetAsync($"/environments/{environment}")).Value("services.0.available_requests"));
                Assert.Equal(0, await started.StoredAsync(environment, service));
            }
        }
        finally
        {
            await pandora.Node.ExecuteAsync("DROP FUNCTION refuse CASCADE");
        }
        var reset = await Rest.PostAsync($"/environments/{environments[0]}/services/{service}/reset-requests");
        Assert.Equal("100", reset.Value("available_requests"));
    }

    [Fact]
    public async Task A_manual_reset_without_recalculation_keeps_a_schedule_that_was_due_on_its_beat()
    {
        var (project, _, service) = await UsedUpAndDueAsync();

        var answer = await Rest.PostAsync($"/projects/{project}/services/{service}/reset-requests");

        Assert.Equal(Tomorrow, answer.Value("project_service.next_reset"));
        Assert.Equal("100", answer.Value("environment_services.0.service.available_requests"));
    }

    private async Task<string?> AvailableAsync(int environment) =>
        (await Rest.GetAsync($"/environments/{environment}")).Value("services.0.available_requests");

    private string Tomorrow => pandora.Clock.Now.AddDays(1).ToString("yyyy-MM-dd'T00:00:00Z'", CultureInfo.InvariantCulture);

    private async Task<(int Project, int Environment, int Service)> UsedUpAndDueAsync()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 1000));
        var environment = await Given.EnvironmentAsync(project, (service, 100));
        await pandora.Node.UseAsync(environment, service, 100);
        Assert.Equal("0", await AvailableAsync(environment));
        await pandora.AdvanceAsync(TimeSpan.FromDays(3));
        return (project, environment, service);
    }
}
