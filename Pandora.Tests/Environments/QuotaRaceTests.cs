using System.Net;
using Npgsql;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Environments;

/// <summary>What holds for quotas when many act at once, on two nodes.</summary>
public sealed class QuotaRaceTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>, IAsyncLifetime
{
    private TestNode _other = null!;

    private RestClient Rest => pandora.Node.Rest;

    private Scenario Given => pandora.Scenario;

    public async ValueTask InitializeAsync() => _other = await pandora.StartAnotherNodeAsync();

    public ValueTask DisposeAsync() => _other.DisposeAsync();

    [Fact, Checklist(40)]
    public async Task Of_parallel_assignments_only_those_succeed_that_fit_together()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 100));
        var environments = new List<int>();
        for (var i = 0; i < 6; i++)
        {
            environments.Add(await Given.EnvironmentAsync(project));
        }
        var assignments = environments.Select((id, i) =>
            Either(i).PostAsync($"/environments/{id}/services", new { id = service, max_requests = 30 }));
        var creations = Enumerable.Range(0, 6).Select(i => CreateAsync(Either(i), project, (service, 30)));

        var answers = await Task.WhenAll(assignments.Concat(creations));

        Assert.Equal(3, answers.Count(answer => answer.Response.IsSuccessStatusCode));
        Assert.Equal(9, answers.Count(answer => answer.Status == HttpStatusCode.UnprocessableEntity));
        Assert.Equal(90, await AllocatedAsync(project));
    }

    [Fact, Checklist(40)]
    public async Task A_limit_and_the_quotas_below_it_never_contradict_each_other()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync((service, 60));
        var first = await Given.EnvironmentAsync(project, (service, 10));
        var second = await Given.EnvironmentAsync(project, (service, 10));
        var calls = Enumerable.Range(0, 8).SelectMany(i => new[]
        {
            ChangeAsync(Either(i), $"/environments/{first}", service, 10 + (i % 4 * 10)),
            ChangeAsync(Either(i + 1), $"/environments/{second}", service, 40 - (i % 4 * 10)),
            ChangeAsync(Either(i), $"/projects/{project}", service, 20 + (i * 7)),
        });

        var answers = await Task.WhenAll(calls);

        Assert.All(answers, answer => Assert.True(
            answer.Status is HttpStatusCode.OK or HttpStatusCode.UnprocessableEntity, answer.Body));
        var limit = (long)(await Rest.GetAsync($"/projects/{project}")).At("services.0.max_requests")!;
        Assert.InRange(await AllocatedAsync(project), 0, limit);
    }

    [Fact, Checklist(39)]
    public async Task A_quota_change_neither_loses_nor_refunds_what_is_consumed_meanwhile()
    {
        const int Calls = 200;
        var subscription = await Given.SubscriptionAsync(quota: 1000);
        var path = $"/environments/{subscription.Environment}";

        var consumption = Task.WhenAll(
                ConsumeAsync(pandora.Node, subscription, Calls), ConsumeAsync(_other, subscription, Calls));
        var changes = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(i => ChangeAsync(Either(i), path, subscription.Service, 500 + (i * 100))));

        Assert.All(changes, answer => answer.Expect(HttpStatusCode.OK));
        Assert.All(await consumption, passed => Assert.Equal(Calls, passed));
        var left = await ChangeAsync(Rest, path, subscription.Service, 1000);
        Assert.Equal($"{1000 - (2 * Calls)}", left.Value("available_requests"));
    }

    [Fact]
    public async Task A_reset_that_falls_due_among_checks_and_changes_is_applied_once()
    {
        const int Calls = 60;
        var subscription = await Given.SubscriptionAsync(quota: 1000);
        var (project, environment, service) = (subscription.Project, subscription.Environment, subscription.Service);
        for (var round = 0; round < 4; round++)
        {
            Assert.Equal(10, await ConsumeAsync(pandora.Node, subscription, 10));
            await pandora.AdvanceAsync(TimeSpan.FromDays(1));
            await _other.Rest.SignInAsync(TestAccount.Username, TestAccount.Password);

            var consumption = Task.WhenAll(
                ConsumeAsync(pandora.Node, subscription, Calls), ConsumeAsync(_other, subscription, Calls));
            var changes = await Task.WhenAll(Enumerable.Range(0, 4).SelectMany(i => new[]
            {
                ChangeAsync(Either(i), $"/environments/{environment}", service, 1000 + i),
                Either(i).PatchAsync($"/projects/{project}/services/{service}", "{}"),
                CreateAsync(Either(i), project, (service, 1)),
            }));

            Assert.All(changes, answer => Assert.True(answer.Response.IsSuccessStatusCode, answer.Body));
            Assert.All(await consumption, passed => Assert.Equal(Calls, passed));
            var left = await ChangeAsync(Rest, $"/environments/{environment}", service, 1000);
            Assert.Equal($"{1000 - (2 * Calls)}", left.Value("available_requests"));
        }
    }

    [Fact, Checklist(45)]
    public async Task The_same_assignment_many_times_at_once_succeeds_once()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync();

        var onProject = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Either(i).PostAsync(
            $"/projects/{project}/services", new { id = service, max_requests = 100, reset_frequency = "daily" })));
        var environment = await Given.EnvironmentAsync(project);
        var onEnvironment = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Either(i).PostAsync(
            $"/environments/{environment}/services", new { id = service, max_requests = 10 })));

        Assert.Equal([200, 409, 409, 409, 409, 409], onProject.Select(answer => (int)answer.Status).Order());
        Assert.Equal([200, 409, 409, 409, 409, 409], onEnvironment.Select(answer => (int)answer.Status).Order());
    }

    [Theory, Checklist(43)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Of_an_assignment_and_the_deletion_of_its_service_exactly_one_succeeds(bool toNewProject)
    {
        for (var i = 0; i < 6; i++)
        {
            var service = await Given.NewServiceAsync();
            var project = await Given.NewProjectAsync();
            var client = await Given.ClientAsync();
            var entry = new { id = service, max_requests = 100, reset_frequency = "daily" };

            var deletion = _other.Rest.DeleteAsync($"/services/{service}");
            var assignment = await (toNewProject
                ? Rest.PostAsync("/projects", new { name = "new", client_id = client, services = new[] { entry } })
                : Rest.PostAsync($"/projects/{project}/services", entry));

            if ((await deletion).Status == HttpStatusCode.NoContent)
            {
                assignment.Refused(404, "Service", toNewProject ? "services[0].id" : "id", $$"""{"id":{{service}}}""");
            }
            else
            {
                (await deletion).Refused(422, "Service", null, $$"""{"id":{{service}}}""");
                Assert.True(assignment.Response.IsSuccessStatusCode, assignment.Body);
            }
        }
    }

    [Fact, Checklist(43)]
    public async Task An_assignment_waits_for_a_deletion_of_its_service_and_is_refused()
    {
        var service = await Given.NewServiceAsync();
        var project = await Given.NewProjectAsync();
        await using var connection = new NpgsqlConnection(pandora.Node.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var delete = new NpgsqlCommand($"DELETE FROM service WHERE id = {service}", connection);
        await delete.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        var assignment = Rest.PostAsync(
            $"/projects/{project}/services", new { id = service, max_requests = 1, reset_frequency = "daily" });
        await Rest.GetAsync("/health"); // time for the assignment to reach the lock; it is refused whether or not it did
        await transaction.CommitAsync(TestContext.Current.CancellationToken);

        (await assignment).Refused(404, "Service", "id", $$"""{"id":{{service}}}""");
    }

    [Fact]
    public async Task Deletions_at_every_level_do_not_trip_over_assignments_and_resets()
    {
        for (var i = 0; i < 4; i++)
        {
            var (a, b) = (await Given.NewServiceAsync(), await Given.NewServiceAsync());
            var client = await Given.ClientAsync();
            var project = await Given.ProjectAsync(client, (a, 1000), (b, 1000));
            var first = await Given.EnvironmentAsync(project, (a, 10), (b, 10));
            var second = await Given.EnvironmentAsync(project);
            await pandora.AdvanceAsync(TimeSpan.FromDays(2)); // a reset is due
            await _other.Rest.SignInAsync(TestAccount.Username, TestAccount.Password);

            var answers = await Task.WhenAll(
                CreateAsync(Rest, project, (b, 1), (a, 1)),
                Rest.PostAsync($"/environments/{second}/services", new { id = b, max_requests = 10 }),
                ChangeAsync(_other.Rest, $"/environments/{first}", b, 20),
                Rest.PostAsync($"/projects/{project}/services/{a}/reset-requests"),
                _other.Rest.PatchAsync($"/projects/{project}", new { name = Scenario.NewName("renamed") }),
                Rest.DeleteAsync($"/environments/{first}"),
                _other.Rest.DeleteAsync($"/projects/{project}/services/{b}"),
                Rest.DeleteAsync($"/projects/{project}"),
                _other.Rest.DeleteAsync($"/clients/{client}"));

            Assert.All(answers, answer => Assert.True(
                answer.Response.IsSuccessStatusCode || answer.Status == HttpStatusCode.NotFound, $"{answer.Status} {answer.Body}"));
            (await Rest.GetAsync($"/environments/{second}")).Expect(HttpStatusCode.NotFound);
        }
    }

    private RestClient Either(int i) => i % 2 == 0 ? Rest : _other.Rest;

    private static Task<RestAnswer> CreateAsync(RestClient rest, int project, params (int Id, long Max)[] services) =>
        rest.PostAsync("/environments", new
        {
            name = Scenario.NewName("race"),
            project_id = project,
            services = services.Select(service => new { id = service.Id, max_requests = service.Max }),
        });

    /// <param name="holder">Path of an environment or a project.</param>
    private static Task<RestAnswer> ChangeAsync(RestClient rest, string holder, int service, long max) =>
        rest.PatchAsync($"{holder}/services/{service}", new { max_requests = max });

    /// <returns>How many of the checks passed.</returns>
    private static async Task<int> ConsumeAsync(TestNode node, Subscription subscription, int calls) =>
        (await Task.WhenAll(Enumerable.Range(0, calls).Select(_ => node.ConsumeAsync(subscription.Request()))))
        .Count(answer => answer.BaseResponse.Valid);

    private Task<decimal> AllocatedAsync(int project) =>
        pandora.Node.ScalarAsync<decimal>("SELECT sum(max_requests) FROM environment_service WHERE project_id = $1", project);
}
