using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

public sealed class CheckTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private TestNode Node => pandora.Node;

    [Fact, Checklist(3, 5)]
    public async Task A_quota_of_three_answers_2_1_0_and_then_refuses()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 3);

        var answers = new List<(bool, string, long)>();
        for (var i = 0; i < 4; i++)
        {
            var answer = await Node.ConsumeAsync(subscription.Request());
            Assert.True(Guid.TryParseExact(answer.BaseResponse.RequestId, "D", out _));
            answers.Add((answer.BaseResponse.Valid, answer.BaseResponse.FailureCode, answer.AvailableRequest));
        }

        Assert.Equal([(true, "", 2), (true, "", 1), (true, "", 0), (false, "QUOTA_EXCEEDED", 0)], answers);
        var rows = await Node.Rest.GetAsync($"/services/{subscription.Service}/requests");
        Assert.Equal(
            ["forwarded", "forwarded", "forwarded", "unauthorized"],
            rows.Json.AsArray().Select(row => (string)row!["execution_status"]!).Order());
    }

    [Theory, Checklist(1, 13)]
    [InlineData("key", "API_KEY_DISABLED")]
    [InlineData("service disabled", "SERVICE_DISABLED")]
    [InlineData("service deprecated", "SERVICE_DEPRECATED")]
    [InlineData("environment", "ENVIRONMENT_DISABLED")]
    [InlineData("project", "ENVIRONMENT_DISABLED")]
    public async Task What_is_switched_off_refuses_the_very_next_call_and_takes_nothing(string what, string failure)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        Assert.True((await Node.ConsumeAsync(subscription.Request())).BaseResponse.Valid);

        await SwitchAsync(subscription, what, on: false);
        var refused = await Node.ConsumeAsync(subscription.Request());
        var looked = await Node.ValidateAsync(subscription.Request());
        await SwitchAsync(subscription, what, on: true);
        var restored = await Node.ConsumeAsync(subscription.Request());

        Assert.Equal((false, failure, 0), (refused.BaseResponse.Valid, refused.BaseResponse.FailureCode, refused.AvailableRequest));
        Assert.Equal((false, failure), (looked.Valid, looked.FailureCode));
        Assert.Equal((true, 98), (restored.BaseResponse.Valid, restored.AvailableRequest));
    }

    [Fact, Checklist(2)]
    public async Task An_unknown_key_is_an_answer_with_a_row_and_names_nobody()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        request.ApiKey = "never-issued-to-anybody";

        var answer = await Node.ConsumeAsync(request);

        Assert.Equal((false, "API_KEY_INVALID"), (answer.BaseResponse.Valid, answer.BaseResponse.FailureCode));
        Assert.True(answer.BaseResponse is { Project: null, Client: null, Environment: null });
        var row = await RowAsync(answer.BaseResponse);
        Assert.Equal("""{"id":0,"key":"neve...body"}""", row["api_key"]!.ToJsonString());
        Assert.Equal("""{"id":0,"name":""}""", row["project"]!.ToJsonString());
        Assert.Equal(401, (int)row["status_code"]!);
    }

    [Fact, Checklist(2)]
    public async Task A_service_that_the_environment_does_not_hold_is_not_assigned()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var (other, name) = await pandora.Scenario.ServiceAsync();
        var request = subscription.Request();
        request.ServiceName = name;

        var answer = await Node.ConsumeAsync(request);

        Assert.Equal("SERVICE_NOT_ASSIGNED", answer.BaseResponse.FailureCode);
        Assert.Equal(other, (int)(await RowAsync(answer.BaseResponse))["service"]!["id"]!);
    }

    [Fact, Checklist(4)]
    public async Task An_unlimited_quota_stays_unlimited()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: -1);

        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Node.ConsumeAsync(subscription.Request())));

        Assert.All(answers, answer => Assert.Equal((true, -1), (answer.BaseResponse.Valid, answer.AvailableRequest)));
        Assert.Equal(-1, await AvailableAsync(subscription));
    }

    [Theory, Checklist(6, 7)]
    [InlineData(false, "SERVICE_MISMATCH")]
    [InlineData(true, "API_KEY_INVALID")]
    public async Task An_unknown_service_is_a_mismatch_unless_the_key_is_unknown_too(bool unknownKey, string failure)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        request.ServiceVersion = "0.0.0";
        request.ApiKey = unknownKey ? "another-unknown-key" : request.ApiKey;

        var consumed = await Node.ConsumeAsync(request);
        var looked = await Node.ValidateAsync(request);

        Assert.Equal((failure, failure), (consumed.BaseResponse.FailureCode, looked.FailureCode));
        var row = await RowAsync(consumed.BaseResponse);
        Assert.Equal((0, subscription.ServiceName, "0.0.0"), ((int)row["service"]!["id"]!, (string)row["service"]!["name"]!, (string)row["service"]!["version"]!));
    }

    [Fact, Checklist(8)]
    public async Task A_version_of_25_characters_works_and_is_logged()
    {
        var version = new string('9', 25);
        var (service, name) = await pandora.Scenario.ServiceAsync(version: version);
        var subscription = await pandora.Scenario.SubscriptionAsync();
        await Node.Rest.PostAsync($"/projects/{subscription.Project}/services", new { id = service, max_requests = -1, reset_frequency = "daily" });
        await Node.Rest.PostAsync($"/environments/{subscription.Environment}/services", new { id = service, max_requests = 1 });
        var request = subscription.Request();
        (request.ServiceName, request.ServiceVersion) = (name, version);

        var answer = await Node.ConsumeAsync(request);

        Assert.True(answer.BaseResponse.Valid);
        Assert.Equal(version, (string)(await RowAsync(answer.BaseResponse))["service"]!["version"]!);
    }

    [Fact, Checklist(8)]
    public async Task A_name_or_version_far_too_long_is_a_mismatch_with_a_row()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var longName = subscription.Request();
        longName.ServiceName = new string('n', 100_000);
        var longVersion = subscription.Request();
        longVersion.ServiceVersion = new string('v', 100_000);

        var (byName, byVersion) = (await Node.ConsumeAsync(longName), await Node.ConsumeAsync(longVersion));

        Assert.Equal(("SERVICE_MISMATCH", "SERVICE_MISMATCH"), (byName.BaseResponse.FailureCode, byVersion.BaseResponse.FailureCode));
        Assert.Equal(new string('n', 255), (string)(await RowAsync(byName.BaseResponse))["service"]!["name"]!);
        Assert.Equal(new string('v', 255), (string)(await RowAsync(byVersion.BaseResponse))["service"]!["version"]!);
    }

    [Fact, Checklist(9)]
    public async Task The_time_of_a_request_is_kept_and_is_now_when_it_is_absent()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var given = subscription.Request();
        given.Request.RequestTime = Timestamp.FromDateTime(new DateTime(2020, 2, 29, 23, 59, 59, DateTimeKind.Utc).AddTicks(1_234_560));

        var absentRow = await RowAsync((await Node.ConsumeAsync(subscription.Request())).BaseResponse);
        var givenRow = await RowAsync((await Node.ConsumeAsync(given)).BaseResponse);

        Assert.Equal("2026-03-10T12:00:00Z", (string)absentRow["request_time"]!);
        Assert.Equal("2020-02-29T23:59:59.123456Z", (string)givenRow["request_time"]!);
        Assert.Equal("2026-03-10T12:00:00Z", (string)givenRow["created_at"]!);
    }

    [Theory]
    [InlineData(23, true)]
    [InlineData(25, false)]
    [InlineData(24 * 365 * 70, false)]
    public async Task A_request_time_far_ahead_counts_as_absent_so_that_no_row_stays_on_top_of_the_log(int hoursAhead, bool isKept)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        var given = pandora.Clock.Now.AddHours(hoursAhead);
        request.Request.RequestTime = Timestamp.FromDateTimeOffset(given);

        var answer = await pandora.Node.ValidateAsync(request);

        var row = (await pandora.Node.Rest.GetAsync($"/requests/{answer.RequestId}")).Expect(HttpStatusCode.OK);
        Assert.Equal(Pandora.Core.Rest.Timestamp.Format(isKept ? given : pandora.Clock.Now), row.Text("request_time"));
    }

    [Theory, Checklist(9)]
    [InlineData("1999-12-31T23:59:59Z")]
    [InlineData("2101-01-01T00:00:00Z")]
    public async Task A_time_beyond_the_years_2000_to_2100_is_an_invalid_argument(string time)
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        request.Request.RequestTime = Timestamp.FromDateTimeOffset(DateTimeOffset.Parse(time, CultureInfo.InvariantCulture));

        var reply = await Node.Grpc.CallAsync(
            Calls.ConsumePath, request, ValidateConsumeResponse.Parser, TestContext.Current.CancellationToken);

        Assert.Equal(StatusCode.InvalidArgument, reply.Code);
        Assert.Equal(["request.request_time"], reply.BrokenFields);
        Assert.Equal(100, await AvailableAsync(subscription));
    }

    [Fact, Checklist(14)]
    public async Task Validate_never_looks_at_the_quota()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 0);

        Assert.False((await Node.ConsumeAsync(subscription.Request())).BaseResponse.Valid);
        Assert.True((await Node.ValidateAsync(subscription.Request())).Valid);
    }

    [Fact, Checklist(1, 15)]
    public async Task An_expired_key_outranks_a_disabled_service_and_its_owners_are_named()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        await Node.ExecuteAsync("UPDATE api_key SET expires_at = $1 WHERE id = $2", pandora.Clock.Now.AddMinutes(-1).UtcDateTime, subscription.Key);
        await SwitchAsync(subscription, "service disabled", on: false);

        var answer = await Node.ConsumeAsync(subscription.Request());

        Assert.Equal("API_KEY_EXPIRED", answer.BaseResponse.FailureCode);
        Assert.Equal(
            (subscription.Project, subscription.Client, subscription.Environment),
            ((int)answer.BaseResponse.Project.Id, (int)answer.BaseResponse.Client.Id, (int)answer.BaseResponse.Environment.Id));
        Assert.Equal((false, 0, 100), (answer.BaseResponse.Valid, answer.AvailableRequest, await AvailableAsync(subscription)));
    }

    [Fact]
    public async Task Last_use_is_noted_by_valid_checks_only_and_never_moves_backwards()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        async Task<string?> LastUsedAsync() => (string?)(await Node.Rest.GetAsync($"/api-keys/{subscription.Key}"))["last_used"];
        var other = subscription.Request();
        other.ServiceVersion = "0.0.0";

        await Node.ConsumeAsync(other);
        var afterRefusal = await LastUsedAsync();
        await Node.ValidateAsync(subscription.Request());
        var afterCheck = await LastUsedAsync();
        await Node.ExecuteAsync("UPDATE api_key SET last_used = '2030-01-01Z' WHERE id = $1", subscription.Key);
        await Node.ValidateAsync(subscription.Request());

        Assert.Null(afterRefusal);
        Assert.NotNull(afterCheck);
        Assert.Equal("2030-01-01T00:00:00Z", await LastUsedAsync());
    }

    [Fact]
    public async Task A_key_imported_in_another_shape_is_found_by_its_exact_text()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        const string Imported = "legacy key with blanks";
        await Node.ExecuteAsync(
            """
            INSERT INTO api_key (environment_id, key_hash, key_mask, key_ciphertext, key_material_id, status, created_at)
            VALUES ($1, sha256(convert_to($2, 'UTF8')), 'lega...anks', '', '', 'enabled', now())
            """,
            subscription.Environment,
            Imported);
        var request = subscription.Request();
        request.ApiKey = Imported;
        var almost = subscription.Request();
        almost.ApiKey = Imported + " ";

        Assert.True((await Node.ValidateAsync(request)).Valid);
        Assert.Equal("API_KEY_INVALID", (await Node.ValidateAsync(almost)).FailureCode);
    }

    [Fact, Checklist(16)]
    public async Task A_null_character_is_an_invalid_argument()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        var request = subscription.Request();
        request.Request.Path = "/a\0b";

        var reply = await Node.Grpc.CallAsync(
            "/api_key.v1.APIKeyService/ValidateConsume", request, ValidateConsumeResponse.Parser, TestContext.Current.CancellationToken);

        Assert.Equal(StatusCode.InvalidArgument, reply.Code);
        Assert.Equal(["request.path"], reply.BrokenFields);
        Assert.Equal(100, await AvailableAsync(subscription));
    }

    private async Task SwitchAsync(Subscription subscription, string what, bool on)
    {
        var verb = on ? "enable" : "disable";
        var answer = what.Split(' ') switch
        {
            ["key"] => await Node.Rest.PostAsync($"/api-keys/{subscription.Key}/{verb}"),
            ["environment"] => await Node.Rest.PostAsync($"/environments/{subscription.Environment}/{verb}"),
            ["project"] => await Node.Rest.PostAsync($"/projects/{subscription.Project}/{verb}"),
            [_, var status] => await Node.Rest.PatchAsync($"/services/{subscription.Service}/status", new { status = on ? "enabled" : status }),
            _ => throw new ArgumentOutOfRangeException(nameof(what)),
        };
        Assert.True(answer.Status is HttpStatusCode.NoContent or HttpStatusCode.OK, answer.Body);
    }

    private async Task<JsonNode> RowAsync(ValidateResponse answer) =>
        (await Node.Rest.GetAsync($"/requests/{answer.RequestId}")).Expect(HttpStatusCode.OK).Json;

    private Task<long> AvailableAsync(Subscription subscription) =>
        Node.ScalarAsync<long>("SELECT available_requests FROM environment_service WHERE environment_id = $1", subscription.Environment);
}
