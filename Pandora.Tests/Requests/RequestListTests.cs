using System.Net;
using System.Text.Json.Nodes;
using Pandora.Core.Gate;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Requests;

public sealed class RequestListTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static readonly string[] Members =
    [
        "id", "start_point", "api_key", "project", "environment", "service", "status_code", "execution_status",
        "unauthorized_reason", "request_time", "path", "method", "ip_address", "created_at",
    ];

    private RestClient Rest => pandora.Node.Rest;

    private DateTimeOffset Now => pandora.Clock.Now;

    [Fact, Checklist(83)]
    public async Task A_row_shows_what_was_written_and_the_ids_of_what_still_exists()
    {
        var records = await pandora.Scenario.RecordsAsync();
        var id = await pandora.Node.LogAsync(Row(records) with { RequestTime = Now.AddTicks(-10), Status = ExecutionStatus.ClientError });

        var row = Assert.Single(await ListAsync($"/requests?api_key_id={records.Key}"));

        Assert.Equal(
            $$"""
            {"id":"{{id}}","start_point":"","api_key":{"id":{{records.Key}},"key":"pdk_...Ab12"},"project":{"id":{{records.Project}},"name":"shop"},"environment":{"id":{{records.Environment}},"name":"live"},"service":{"id":{{records.Service}},"name":"mail","version":"1.2"},"status_code":404,"execution_status":"client_error","unauthorized_reason":"","request_time":"2026-03-10T11:59:59.999999Z","path":"/orders","method":"POST","ip_address":"192.0.2.7","created_at":"2026-03-10T12:00:00Z"}
            """.Trim(),
            row.ToJsonString(Relaxed));
    }

    [Fact]
    public async Task The_detail_adds_what_lists_leave_out()
    {
        var id = await pandora.Node.LogAsync(new LogRow(Now));

        foreach (var text in (string[])[id.ToString("D"), id.ToString("N"), id.ToString("B").ToUpperInvariant(), $"%7B{id:N}%7D"])
        {
            var answer = (await Rest.GetAsync($"/requests/{text}")).Expect(HttpStatusCode.OK);
            Assert.Equal([.. Members, "detail", "metadata"], answer.Json.AsObject().Select(member => member.Key));
            Assert.Equal("why", answer.Text("detail"));
            Assert.Equal(
                """{"body":"body","cookies":"cookies","headers":"headers","query_params":"query","body_content_type":"text/plain"}""",
                answer["metadata"]!.ToJsonString());
        }
    }

    [Fact]
    public async Task A_row_that_does_not_exist_is_not_found_under_the_id_as_written()
    {
        (await Rest.GetAsync("/requests/01957F00-0000-7000-8000-00000000000A")).ExpectError(
            HttpStatusCode.NotFound, "NOT_FOUND", "Request", identifiers: """{"id":"01957F00-0000-7000-8000-00000000000A"}""");
    }

    [Theory]
    [InlineData("1")]
    [InlineData("01957f00-0000-7000-8000-00000000000")]
    [InlineData("01957f00-0000-7000-8000-00000000000g")]
    [InlineData("01957f00-0000-7000-800-000000000000a")]
    [InlineData("{01957f00-0000-7000-8000-00000000000a")]
    [InlineData("(01957f00-0000-7000-8000-00000000000a)")]
    [InlineData("01957f000000700080000000000000-a")]
    [InlineData("%2001957f00-0000-7000-8000-00000000000a")]
    public async Task An_id_that_is_no_uuid_is_a_faulty_path(string id)
    {
        (await Rest.GetAsync($"/requests/{id}"))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "path", "id");
    }

    [Fact, Checklist(55)]
    public async Task Checks_of_unknown_keys_and_services_are_listed_with_every_object_in_place()
    {
        var records = await pandora.Scenario.SubscriptionAsync();
        var request = records.Request();
        request.ApiKey = "pdk_nonsense";
        request.ServiceName = "nowhere";
        var answer = await pandora.Node.ValidateAsync(request);

        var row = Assert.Single(await ListAsync("/requests?unauthorized_reason=API_KEY_INVALID&limit=1000"), row => (string)row["id"]! == answer.RequestId);

        Assert.Equal("""{"id":0,"key":"..."}""", row["api_key"]!.ToJsonString());
        Assert.Equal("""{"id":0,"name":""}""", row["project"]!.ToJsonString());
        Assert.Equal("""{"id":0,"name":""}""", row["environment"]!.ToJsonString());
        Assert.Equal("""{"id":0,"name":"nowhere","version":"1.0.0"}""", row["service"]!.ToJsonString());
        Assert.Equal(("unauthorized", 401), ((string)row["execution_status"]!, (int)row["status_code"]!));
    }

    [Fact]
    public async Task A_row_without_key_or_service_shows_what_was_presented()
    {
        var id = await pandora.Node.LogAsync(new LogRow(Now) { Status = ExecutionStatus.Unauthorized, Reason = FailureCode.ApiKeyInvalid });

        var row = (await Rest.GetAsync($"/requests/{id}")).Expect(HttpStatusCode.OK).Json;

        Assert.Equal("""{"id":0,"key":"..."}""", row["api_key"]!.ToJsonString());
        Assert.Equal("""{"id":0,"name":""}""", row["project"]!.ToJsonString());
        Assert.Equal("""{"id":0,"name":"nowhere","version":"9"}""", row["service"]!.ToJsonString());
        Assert.Equal("API_KEY_INVALID", (string)row["unauthorized_reason"]!);
    }

    [Fact]
    public async Task Each_filter_finds_its_rows_and_all_given_must_hold()
    {
        var records = await pandora.Scenario.RecordsAsync();
        var forwarded = await pandora.Node.LogAsync(Row(records));
        var failed = await pandora.Node.LogAsync(Row(records) with { Status = ExecutionStatus.ServerError });
        var refused = await pandora.Node.LogAsync(
            Row(records) with { Status = ExecutionStatus.Unauthorized, Reason = FailureCode.EnvironmentDisabled });
        Guid[] all = [forwarded, failed, refused];

        Assert.Equal(all.Order(), await IdsAsync($"/requests?api_key_id={records.Key}"));
        Assert.Equal(all.Order(), await IdsAsync($"/requests?environment_id={records.Environment}"));
        Assert.Equal(all.Order(), await IdsAsync($"/requests?project_id={records.Project}"));
        Assert.Equal(all.Order(), await IdsAsync($"/requests?client_id={records.Client}"));
        Assert.Equal(all.Order(), await IdsAsync($"/requests?service_id={records.Service}"));
        Assert.Equal(all.Order(), await IdsAsync($"/services/{records.Service}/requests"));
        Assert.Equal([failed], await IdsAsync($"/services/{records.Service}/requests?execution_status=server_error"));
        Assert.Equal([refused], await IdsAsync($"/requests?client_id={records.Client}&unauthorized_reason=ENVIRONMENT_DISABLED"));
        Assert.Equal([refused], await IdsAsync($"/requests?client_id={records.Client}&execution_status=unauthorized"));
        Assert.Equal([forwarded], await IdsAsync($"/requests?project_id={records.Project}&service_id={records.Service}&execution_status=forwarded"));
        Assert.Empty(await IdsAsync($"/requests?client_id={records.Client}&execution_status=success"));
        Assert.Empty(await IdsAsync($"/requests?client_id={records.Client}&execution_status=forwarded&unauthorized_reason=ENVIRONMENT_DISABLED"));
    }

    [Fact, Checklist(31)]
    public async Task Rows_refused_for_quota_have_a_filter_word_of_their_own()
    {
        var records = await pandora.Scenario.SubscriptionAsync(quota: 0);
        var answer = await pandora.Node.ConsumeAsync(records.Request());

        var row = Assert.Single(await ListAsync($"/services/{records.Service}/requests?execution_status=quota_exceeded"));

        Assert.Equal(answer.BaseResponse.RequestId, (string)row["id"]!);
        Assert.Equal(("unauthorized", "QUOTA_EXCEEDED"), ((string)row["execution_status"]!, (string)row["unauthorized_reason"]!));
        Assert.Single(await ListAsync($"/requests?service_id={records.Service}&execution_status=quota_exceeded"));
    }

    [Fact, Checklist(30)]
    public async Task Times_are_included_and_every_row_shows_its_own()
    {
        var records = await pandora.Scenario.RecordsAsync();
        DateTimeOffset[] times = [Now.AddDays(-400), Now.AddSeconds(-2), Now.AddTicks(-10), Now];
        foreach (var time in times)
        {
            await pandora.Node.LogAsync(Row(records) with { RequestTime = time });
        }
        var list = $"/services/{records.Service}/requests";

        Assert.Equal(["2026-03-10T12:00:00Z", "2026-03-10T11:59:59.999999Z", "2026-03-10T11:59:58Z", "2025-02-03T12:00:00Z"], await TimesAsync(list));
        Assert.Equal(
            ["2026-03-10T11:59:59.999999Z", "2026-03-10T11:59:58Z"],
            await TimesAsync($"{list}?request_time_from=2026-03-10T11:59:58Z&request_time_to=2026-03-10T11:59:59.9999999Z"));
        Assert.Equal(["2026-03-10T12:00:00Z"], await TimesAsync($"{list}?request_time_from=2026-03-10T14:00:00%2B02:00"));
        Assert.Equal(["2026-03-10T12:00:00Z"], await TimesAsync($"{list}?request_time_from=2026-03-10T14:00:00+02:00"));
        Assert.Equal(["2025-02-03T12:00:00Z"], await TimesAsync($"{list}?request_time_to=2026-01-01T00:00:00-23:59"));
        Assert.Single(await TimesAsync($"{list}?request_time_from=2026-03-10T12:00:00Z&request_time_to=2026-03-10T12:00:00Z"));
    }

    [Theory, Checklist(31)]
    [InlineData("request_time_from=2026-03-02T00:00:00Z&request_time_to=2026-03-01T23:59:59Z", "RequestFilter", "request_time_to")]
    [InlineData("execution_status=done", "RequestFilter", "execution_status")]
    [InlineData("execution_status=Success", "RequestFilter", "execution_status")]
    [InlineData("request_time_from=2026-03-01", "query", "request_time_from")]
    [InlineData("request_time_to=2026-03-01T00:00:00", "query", "request_time_to")]
    [InlineData("request_time_to=2026-02-30T00:00:00Z", "query", "request_time_to")]
    [InlineData("request_time_to=1", "query", "request_time_to")]
    [InlineData("request_time_to=2026-03-01T00:00:00Z&request_time_to=2026-03-01T00:00:00Z", "query", "request_time_to")]
    public async Task A_faulty_filter_of_either_list_is_named(string query, string entity, string loc)
    {
        var (service, _) = await pandora.Scenario.ServiceAsync();
        foreach (var list in (string[])["/requests", $"/services/{service}/requests"])
        {
            (await Rest.GetAsync($"{list}?{query}")).ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", entity, loc);
        }
    }

    [Theory]
    [InlineData("service_id=x", "query", "service_id")]
    [InlineData("client_id=1.0", "query", "client_id")]
    [InlineData("api_key_id=0", "RequestFilter", "api_key_id")]
    [InlineData("environment_id=-7", "RequestFilter", "environment_id")]
    [InlineData("unauthorized_reason=quota_exceeded", "RequestFilter", "unauthorized_reason")]
    [InlineData("unauthorized_reason=NONE", "RequestFilter", "unauthorized_reason")]
    public async Task A_faulty_filter_is_named(string query, string entity, string loc)
    {
        (await Rest.GetAsync($"/requests?{query}")).ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", entity, loc);
    }

    [Fact]
    public async Task An_id_that_matches_nothing_gives_an_empty_list()
    {
        await pandora.Node.LogAsync(new LogRow(Now));

        foreach (var filter in (string[])["api_key_id", "environment_id", "project_id", "client_id", "service_id"])
        {
            Assert.Equal("[]", (await Rest.GetAsync($"/requests?{filter}=999999")).Expect(HttpStatusCode.OK).Body);
            Assert.Equal("[]", (await Rest.GetAsync($"/requests?{filter}=99999999999999999999")).Expect(HttpStatusCode.OK).Body);
        }
    }

    [Fact, Checklist(43)]
    public async Task Rows_outlive_what_they_name_and_forget_its_id()
    {
        var records = await pandora.Scenario.SubscriptionAsync();
        var answer = await pandora.Node.ConsumeAsync(records.Request());
        var client = $"/requests?client_id={records.Client}";

        (await Rest.DeleteAsync($"/projects/{records.Project}")).Expect(HttpStatusCode.NoContent);
        var row = Assert.Single(await ListAsync(client));
        Assert.Equal(answer.BaseResponse.RequestId, (string)row["id"]!);
        Assert.Equal((0, 0, 0, records.Service), IdsOf(row));
        Assert.StartsWith("project-", (string)row["project"]!["name"]!, StringComparison.Ordinal);
        Assert.StartsWith("environment-", (string)row["environment"]!["name"]!, StringComparison.Ordinal);
        Assert.StartsWith("pdk_...", (string)row["api_key"]!["key"]!, StringComparison.Ordinal);
        foreach (var filter in (string[])[$"api_key_id={records.Key}", $"environment_id={records.Environment}", $"project_id={records.Project}"])
        {
            Assert.Empty(await ListAsync($"/requests?{filter}"));
        }

        (await Rest.DeleteAsync($"/services/{records.Service}")).Expect(HttpStatusCode.NoContent);
        row = Assert.Single(await ListAsync(client));
        Assert.Equal((0, 0, 0, 0), IdsOf(row));
        Assert.Equal(records.ServiceName, (string)row["service"]!["name"]!);
        Assert.Empty(await ListAsync($"/requests?service_id={records.Service}"));
        Assert.Equal(row.ToJsonString(), (await Rest.GetAsync($"/requests/{(string)row["id"]!}")).Json.AsObject() is var detail
            && detail.Remove("detail") && detail.Remove("metadata") ? detail.ToJsonString() : "");

        (await Rest.DeleteAsync($"/clients/{records.Client}")).Expect(HttpStatusCode.NoContent);
        Assert.Empty(await ListAsync(client));
        Assert.Contains(await ListAsync("/requests?limit=1000"), left => (string)left["id"]! == answer.BaseResponse.RequestId);
    }

    private static readonly System.Text.Json.JsonSerializerOptions Relaxed =
        new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static (int Key, int Environment, int Project, int Service) IdsOf(JsonNode row) =>
        ((int)row["api_key"]!["id"]!, (int)row["environment"]!["id"]!, (int)row["project"]!["id"]!, (int)row["service"]!["id"]!);

    private LogRow Row(Subscription records) => new(Now)
    {
        CreatedAt = Now,
        ApiKey = records.Key,
        Environment = records.Environment,
        Project = records.Project,
        Client = records.Client,
        Service = records.Service,
    };

    private async Task<List<JsonNode>> ListAsync(string path) =>
        [.. (await Rest.GetAsync(path)).Expect(HttpStatusCode.OK).Json.AsArray().Select(row => row!)];

    private async Task<IEnumerable<Guid>> IdsAsync(string path) =>
        (await ListAsync(path)).Select(row => Guid.Parse((string)row["id"]!)).Order();

    private async Task<IEnumerable<string>> TimesAsync(string path) => (await ListAsync(path)).Select(row => (string)row["request_time"]!);
}
