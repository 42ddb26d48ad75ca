using Pandora.Tests.Harness;

namespace Pandora.Tests.Persistence;

/// <summary>
/// Each change of what a check depends on raises the version of the directory once and says what it was about; nothing else
/// does.
/// </summary>
public sealed class DirectoryVersionTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static readonly Dictionary<string, Write> Writes = new()
    {
        ["create a service"] = new((rest, _) => rest.PostAsync("/services", new { name = Scenario.NewName("new"), version = "1" }), "service *"),
        ["deprecate a service"] = new((rest, on) => rest.PatchAsync($"/services/{on.Service}/status", new { status = "deprecated" }), "service {service}"),
        ["delete a service"] = new((rest, on) => rest.DeleteAsync($"/services/{on.Spare}"), "service {spare}"),
        ["create a client"] = new(
            (rest, _) => rest.PostAsync("/clients", new { type = "developer", name = Scenario.NewName("new"), email = Scenario.NewName("a") + "@b.org" })),
        ["rename a client"] = new((rest, on) => rest.PatchAsync($"/clients/{on.Client}", new { name = Scenario.NewName("new") }), "client {client}"),
        ["change the e-mail of a client"] = new(
            (rest, on) => rest.PatchAsync($"/clients/{on.Client}", new { type = "developer", email = Scenario.NewName("a") + "@b.org" })),
        ["delete a client"] = new((rest, on) => rest.DeleteAsync($"/clients/{on.Client}"), "client {client}"),
        ["create a project"] = new((rest, on) => rest.PostAsync("/projects", new
        {
            name = Scenario.NewName("new"),
            client_id = on.Client,
            services = new[] { new { id = on.Service, max_requests = 1, reset_frequency = "daily" } },
        })),
        ["rename a project"] = new((rest, on) => rest.PatchAsync($"/projects/{on.Project}", new { name = Scenario.NewName("new") }), "project {project}"),
        ["disable a project"] = new((rest, on) => rest.PostAsync($"/projects/{on.Project}/disable"), "project {project}"),
        ["enable a project"] = new((rest, on) => rest.PostAsync($"/projects/{on.Project}/enable"), "project {project}"),
        ["delete a project"] = new((rest, on) => rest.DeleteAsync($"/projects/{on.Project}"), "project {project}"),
        ["put a service on a project"] = new(
            (rest, on) => rest.PostAsync($"/projects/{on.Project}/services", new { id = on.Spare, max_requests = 1, reset_frequency = "daily" })),
        ["change the limit of a project"] = new((rest, on) => rest.PatchAsync(on.OfProject, new { max_requests = 1000 })),
        ["change how often a project is reset"] = new((rest, on) => rest.PatchAsync(on.OfProject, new { reset_frequency = "weekly" }), "project {project}"),
        ["change when a project is reset"] = new((rest, on) => rest.PatchAsync(on.OfProject, new { next_reset = "2030-01-01" }), "project {project}"),
        ["reset a project"] = new((rest, on) => rest.PostAsync($"{on.OfProject}/reset-requests"), "project {project}"),
        ["reset a project and its schedule"] = new(
            (rest, on) => rest.PostAsync($"{on.OfProject}/reset-requests", new { recalculate_next_reset = true }), "project {project}"),
        ["take a service from a project"] = new((rest, on) => rest.DeleteAsync(on.OfProject), "project {project}"),
        ["create an environment"] = new((rest, on) => rest.PostAsync("/environments", new
        {
            name = Scenario.NewName("new"),
            project_id = on.Project,
            services = new[] { new { id = on.Service, max_requests = 1 } },
        }), "environment *"),
        ["create an empty environment"] = new(
            (rest, on) => rest.PostAsync("/environments", new { name = Scenario.NewName("new"), project_id = on.Project })),
        ["rename an environment"] = new(
            (rest, on) => rest.PatchAsync($"/environments/{on.Environment}", new { name = Scenario.NewName("new") }), "environment {environment}"),
        ["disable an environment"] = new((rest, on) => rest.PostAsync($"/environments/{on.Environment}/disable"), "environment {environment}"),
        ["enable an environment"] = new((rest, on) => rest.PostAsync($"/environments/{on.Environment}/enable"), "environment {environment}"),
        ["delete an environment"] = new((rest, on) => rest.DeleteAsync($"/environments/{on.Environment}"), "environment {environment}"),
        ["put a service on an environment"] = new(
            (rest, on) => rest.PostAsync($"/environments/{on.Empty}/services", new { id = on.Service, max_requests = 1 }), "environment {empty}"),
        ["change the quota of an environment"] = new((rest, on) => rest.PatchAsync(on.OfEnvironment, new { max_requests = 50 }), "environment {environment}"),
        ["reset an environment"] = new((rest, on) => rest.PostAsync($"{on.OfEnvironment}/reset-requests")),
        ["take a service from an environment"] = new((rest, on) => rest.DeleteAsync(on.OfEnvironment), "environment {environment}"),
        ["create a key"] = new((rest, on) => rest.PostAsync("/api-keys", new { environment_id = on.Environment }), "api_key *"),
        ["change the expiry of a key"] = new(
            (rest, on) => rest.PatchAsync($"/api-keys/{on.Key}", new { expires_at = "2030-01-01T00:00:00Z" }), "api_key {key}"),
        ["disable a key"] = new((rest, on) => rest.PostAsync($"/api-keys/{on.Key}/disable"), "api_key {key}"),
        ["enable a key"] = new((rest, on) => rest.PostAsync($"/api-keys/{on.Key}/enable"), "api_key {key}"),
        ["delete a key"] = new((rest, on) => rest.DeleteAsync($"/api-keys/{on.Key}"), "api_key {key}"),
    };

    public static TheoryData<string> Names => [.. Writes.Keys];

    private TestNode Node => pandora.Node;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task An_administrators_write_is_noted_once_with_what_it_was_about(string name)
    {
        var records = await RecordsAsync();
        await Node.UseAsync(records.Environment, records.Service, 10);
        var before = await VersionAsync();

        var answer = await Writes[name].Do(Node.Rest, records);

        Assert.True(answer.Response.IsSuccessStatusCode, answer.Body);
        var expected = Writes[name].Note?
            .Replace("*", $"{(answer.Body.Length > 0 ? answer.Json["id"] : null)}", StringComparison.Ordinal)
            .Replace("{service}", $"{records.Service}", StringComparison.Ordinal)
            .Replace("{spare}", $"{records.Spare}", StringComparison.Ordinal)
            .Replace("{client}", $"{records.Client}", StringComparison.Ordinal)
            .Replace("{project}", $"{records.Project}", StringComparison.Ordinal)
            .Replace("{environment}", $"{records.Environment}", StringComparison.Ordinal)
            .Replace("{empty}", $"{records.Empty}", StringComparison.Ordinal)
            .Replace("{key}", $"{records.Key}", StringComparison.Ordinal);
        Assert.Equal(before + (expected is null ? 0 : 1), await VersionAsync());
        Assert.Equal(expected, await NotedSinceAsync(before));
    }

    [Fact]
    public async Task A_write_that_is_refused_is_not_noted()
    {
        var records = await RecordsAsync();
        var before = await VersionAsync();

        (await Node.Rest.PatchAsync(records.OfEnvironment, new { max_requests = -2 })).Refused(422, "EnvironmentServiceUpdateInput", "max_requests");
        (await Node.Rest.DeleteAsync($"/services/{records.Service}")).Refused(422, "Service", null, $$"""{"id":{{records.Service}}}""");

        Assert.Equal(before, await VersionAsync());
    }

    [Fact]
    public async Task What_checks_write_is_not_noted()
    {
        var records = await RecordsAsync();
        var before = await VersionAsync();

        await Node.UseAsync(records.Environment, records.Service, 10);
        await Node.ReserveAsync(records.Environment, records.Service, 5, pandora.Clock.Now);
        await Node.ExecuteAsync("UPDATE api_key SET last_used = now() WHERE id = $1", records.Key);
        (await Node.Rest.PostAsync($"{records.OfEnvironment}/reset-requests")).Expect(System.Net.HttpStatusCode.OK);

        Assert.Equal(before, await VersionAsync());
    }

    [Fact]
    public async Task Checks_are_not_noted()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var before = await VersionAsync();

        await Node.ValidateAsync(subscription.Request());
        await Node.ConsumeAsync(subscription.Request());
        await pandora.AdvanceAsync(TimeSpan.FromDays(1)); // a reset is due, and the last use is noted again
        await Node.ConsumeAsync(subscription.Request());

        Assert.Equal(before, await VersionAsync());
    }

    private Task<long> VersionAsync() => Node.ScalarAsync<long>("SELECT version FROM directory_version");

    private Task<string?> NotedSinceAsync(long version) => Node.ScalarAsync<string?>(
        "SELECT string_agg(concat_ws(' ', entity, entity_id), ', ' ORDER BY entity, entity_id) FROM directory_change WHERE version > $1", version);

    private async Task<Records> RecordsAsync()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        return new Records(
            subscription.Service,
            subscription.Client,
            subscription.Project,
            subscription.Environment,
            subscription.Key,
            Spare: await pandora.Scenario.NewServiceAsync(),
            Empty: await pandora.Scenario.EnvironmentAsync(subscription.Project));
    }

    /// <param name="Note">What it is about: a kind of record and its id, * for the new one. Null: nothing that a check depends on.</param>
    private sealed record Write(Func<RestClient, Records, Task<RestAnswer>> Do, string? Note = null);

    /// <param name="Spare">A service that nobody has.</param>
    /// <param name="Empty">An environment without services.</param>
    private sealed record Records(int Service, int Client, int Project, int Environment, int Key, int Spare, int Empty)
    {
        public string OfProject => $"/projects/{Project}/services/{Service}";

        public string OfEnvironment => $"/environments/{Environment}/services/{Service}";
    }
}
