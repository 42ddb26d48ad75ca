using System.Net;
using Pandora.Core.Rest;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Services;

public sealed class ServiceTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const int Unused = 999_999;

    private RestClient Rest => pandora.Node.Rest;

    [Fact]
    public async Task A_service_is_created_enabled_and_trimmed()
    {
        var name = Scenario.NewName("mail");

        var answer = await Rest.PostAsync("/services", new { name = $" {name}\u2003", version = " 1.2 ", status = "disabled" });

        answer.Expect(HttpStatusCode.Created);
        Assert.Equal(
            $$"""{"id":{{answer.Id}},"name":"{{name}}","status":"enabled","version":"1.2","created_at":"{{Timestamp.Format(pandora.Clock.Now)}}"}""",
            answer.Body);
        Assert.Equal(answer.Body, (await Rest.GetAsync($"/services/{answer.Id}")).Expect(HttpStatusCode.OK).Body);
    }

    [Theory]
    [InlineData("""{"version":"1"}""", "name")]
    [InlineData("""{"name":null,"version":"1"}""", "name")]
    [InlineData("""{"name":"","version":"1"}""", "name")]
    [InlineData("""{"name":" \t\u00a0","version":"1"}""", "name")]
    [InlineData("""{"name":"a"}""", "version")]
    [InlineData("""{"name":"a","version":"12345678901234567890123456"}""", "version")]
    public async Task A_field_that_breaks_its_rule_is_named(string body, string loc)
    {
        var answer = await Rest.PostAsync("/services", body);

        answer.ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ServiceCreate", loc);
    }

    [Fact]
    public async Task Lengths_count_characters_and_not_code_units()
    {
        var longest = new string('x', 254 - 20) + Scenario.NewName("").PadLeft(20, 'y') + "\U0001F600";

        (await Rest.PostAsync("/services", new { name = longest, version = "1" })).Expect(HttpStatusCode.Created);
        (await Rest.PostAsync("/services", new { name = longest + "x", version = "1" }))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ServiceCreate", "name");
    }

    [Fact, Checklist(85)]
    public async Task Two_faulty_fields_are_both_told_in_the_order_of_input()
    {
        var answer = await Rest.PostAsync("/services", new { version = "" });

        answer.Expect(HttpStatusCode.UnprocessableEntity);
        Assert.Equal("AGGREGATE_ERRORS", answer.Text("code"));
        Assert.Equal(["name", "version"], answer["errors"]!.AsArray().Select(error => (string)error!["loc"]!));
        Assert.Contains("name", answer.Text("message"), StringComparison.Ordinal);
        Assert.Contains("version", answer.Text("message"), StringComparison.Ordinal);
        Assert.Equal(["code", "message", "errors"], answer.Json.AsObject().Select(member => member.Key));
    }

    [Fact, Checklist(45)]
    public async Task A_second_service_of_the_same_name_and_version_is_refused_whatever_comes_between()
    {
        var (_, name) = await pandora.Scenario.ServiceAsync();

        (await Rest.PostAsync("/services", new { name, version = Scenario.Version })).ExpectError(
            HttpStatusCode.Conflict, "ALREADY_EXISTS", "Service", identifiers: $$"""{"name":"{{name}}","version":"1.0.0"}""");
        await pandora.Scenario.ServiceAsync(name, "2");
        await pandora.Scenario.ServiceAsync(name.ToUpperInvariant());
    }

    [Fact]
    public async Task Of_many_simultaneous_creations_one_succeeds()
    {
        var name = Scenario.NewName("race");

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Rest.PostAsync("/services", new { name, version = "1" })));

        Assert.Single(answers, answer => answer.Status == HttpStatusCode.Created);
        Assert.Equal(7, answers.Count(answer => answer.Status == HttpStatusCode.Conflict));
    }

    [Fact, Checklist(28, 83)]
    public async Task The_list_is_newest_first_and_can_be_narrowed_by_status()
    {
        var (first, _) = await pandora.Scenario.ServiceAsync();
        pandora.Clock.Advance(TimeSpan.FromSeconds(1));
        var (second, _) = await pandora.Scenario.ServiceAsync();
        (await Rest.PatchAsync($"/services/{first}/status", new { status = "deprecated" })).Expect(HttpStatusCode.OK);

        var all = (await Rest.GetAsync("/services")).Expect(HttpStatusCode.OK).Json.AsArray();
        var deprecated = (await Rest.GetAsync("/services?status=deprecated")).Expect(HttpStatusCode.OK).Json.AsArray();
        var enabled = (await Rest.GetAsync("/services?status=enabled")).Expect(HttpStatusCode.OK).Json.AsArray();

        var ids = all.Select(row => (int)row!["id"]!).ToList();
        Assert.True(ids.IndexOf(second) < ids.IndexOf(first));
        Assert.Contains(deprecated, row => (int)row!["id"]! == first);
        Assert.DoesNotContain(deprecated, row => (int)row!["id"]! == second);
        Assert.Contains(enabled, row => (int)row!["id"]! == second);
        Assert.Equal(["id", "name", "status", "version", "created_at"], all[0]!.AsObject().Select(member => member.Key));
    }

    [Fact, Checklist(29)]
    public async Task An_empty_status_filter_is_none_and_an_unknown_one_is_refused()
    {
        var all = (await Rest.GetAsync("/services")).Body;

        Assert.Equal(all, (await Rest.GetAsync("/services?status=")).Expect(HttpStatusCode.OK).Body);
        foreach (var status in (string[])["ena", "Enabled", "0"])
        {
            (await Rest.GetAsync($"/services?status={status}"))
                .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ServiceFilter", "status");
        }
    }

    [Fact]
    public async Task The_status_can_be_switched_in_any_order()
    {
        var (service, _) = await pandora.Scenario.ServiceAsync();

        foreach (var status in (string[])["deprecated", "disabled", "enabled", "enabled", "disabled", "deprecated"])
        {
            var answer = await Rest.PatchAsync($"/services/{service}/status", new { status });
            Assert.Equal(status, answer.Expect(HttpStatusCode.OK).Text("status"));
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"status":null}""")]
    [InlineData("""{"status":"on"}""")]
    public async Task A_status_must_be_one_of_three(string body)
    {
        var (service, _) = await pandora.Scenario.ServiceAsync();

        (await Rest.PatchAsync($"/services/{service}/status", body))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "ServiceStatusUpdate", "status");
    }

    [Fact]
    public async Task A_service_is_deleted_unless_a_project_holds_it()
    {
        var (service, _) = await pandora.Scenario.ServiceAsync();
        var project = await pandora.Scenario.ProjectAsync(await pandora.Scenario.ClientAsync(), (service, 5));

        (await Rest.DeleteAsync($"/services/{service}")).ExpectError(
            HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "Service", identifiers: $$"""{"id":{{service}}}""");
        (await Rest.GetAsync($"/services/{service}")).Expect(HttpStatusCode.OK);

        (await Rest.DeleteAsync($"/projects/{project}/services/{service}")).Expect(HttpStatusCode.NoContent);
        (await Rest.DeleteAsync($"/services/{service}")).Expect(HttpStatusCode.NoContent);
        (await Rest.GetAsync($"/services/{service}")).ExpectError(
            HttpStatusCode.NotFound, "NOT_FOUND", "Service", identifiers: $$"""{"id":{{service}}}""");
    }

    [Fact, Checklist(43)]
    public async Task Of_a_deletion_and_an_assignment_at_the_same_time_one_fails()
    {
        var client = await pandora.Scenario.ClientAsync();
        for (var round = 0; round < 10; round++)
        {
            var (service, _) = await pandora.Scenario.ServiceAsync();
            var project = await pandora.Scenario.ProjectAsync(client);

            var deletion = Rest.DeleteAsync($"/services/{service}");
            var assignment = Rest.PostAsync(
                $"/projects/{project}/services", new { id = service, max_requests = 1, reset_frequency = "daily" });
            await Task.WhenAll(deletion, assignment);

            var outcome = ((await deletion).Status, (await assignment).Status);
            Assert.True(
                outcome is (HttpStatusCode.NoContent, HttpStatusCode.NotFound) or (HttpStatusCode.UnprocessableEntity, HttpStatusCode.OK),
                outcome.ToString());
        }
    }

    [Theory]
    [InlineData("GET", "")]
    [InlineData("DELETE", "")]
    [InlineData("PATCH", "/status")]
    [InlineData("GET", "/requests")]
    public async Task A_service_that_does_not_exist_is_not_found(string method, string below)
    {
        var body = method == "PATCH" ? new { status = "enabled" } : null;

        (await Rest.SendAsync(new HttpMethod(method), $"/services/{Unused}{below}", body)).ExpectError(
            HttpStatusCode.NotFound, "NOT_FOUND", "Service", identifiers: $$"""{"id":{{Unused}}}""");
        (await Rest.SendAsync(new HttpMethod(method), $"/services/99999999999999999999{below}", body)).ExpectError(
            HttpStatusCode.NotFound, "NOT_FOUND", "Service", identifiers: """{"id":99999999999999999999}""");
        (await Rest.SendAsync(new HttpMethod(method), $"/services/0{below}", body))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", loc: "id");
    }
}
