using System.Net;
using Pandora.Core.Keys;
using Pandora.Tests.Harness;

namespace Pandora.Tests.ApiKeys;

public sealed class ApiKeyTests(PandoraFixture fixture) : IClassFixture<PandoraFixture>
{
    private static readonly string[] Properties =
        ["id", "key", "status", "last_used", "expires_at", "environment_id", "created_at"];

    private RestClient Rest => fixture.Node.Rest;

    [Fact]
    public async Task A_new_key_is_enabled_and_shows_its_secret_once()
    {
        var environment = await EnvironmentAsync();

        var created = await Rest.PostAsync("/api-keys", new { environment_id = environment, status = "disabled" });

        created.Expect(HttpStatusCode.Created);
        Assert.Equal([.. Properties, "secret"], created.Json.AsObject().Select(property => property.Key));
        var secret = created.Text("secret");
        Assert.True(secret.StartsWith("pdk_", StringComparison.Ordinal) && ApiKeyText.MayExist(secret));
        Assert.Equal($"pdk_...{secret[^4..]}", created.Text("key"));
        Assert.Equal("enabled", created.Text("status"));
        Assert.Equal("2026-03-10T12:00:00Z", created.Text("created_at"));
        Assert.Equal(environment, (int?)created["environment_id"]);
        Assert.Equal("no-store", created.Response.Headers.CacheControl?.ToString());
        var read = (await Rest.GetAsync($"/api-keys/{created.Id}")).Expect(HttpStatusCode.OK);
        Assert.Equal(Properties, read.Json.AsObject().Select(property => property.Key));
        Assert.DoesNotContain(secret, read.Body, StringComparison.Ordinal);
    }

    [Fact, Checklist(82)]
    public async Task A_key_never_used_and_without_expiry_says_so_with_null()
    {
        var environment = await EnvironmentAsync();
        var key = await Rest.PostAsync("/api-keys", new { environment_id = environment, expires_at = (string?)null });

        var list = await Rest.GetAsync($"/environments/{environment}/api-keys");

        foreach (var row in new[] { key.Json, list.Json[0]! })
        {
            Assert.True(row.AsObject().TryGetPropertyValue("last_used", out var lastUsed) && lastUsed is null);
            Assert.True(row.AsObject().TryGetPropertyValue("expires_at", out var expiresAt) && expiresAt is null);
        }
    }

    [Fact]
    public async Task The_text_of_a_key_is_nowhere_in_the_database()
    {
        var (id, secret) = await fixture.Scenario.KeyAsync(await EnvironmentAsync());

        var row = await fixture.Node.ScalarAsync<string>("SELECT row_to_json(k)::text FROM api_key k WHERE id = $1", id);
        var bytes = await fixture.Node.ScalarAsync<byte[]>("SELECT key_hash || key_ciphertext FROM api_key WHERE id = $1", id);

        Assert.DoesNotContain(secret, row, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, System.Text.Encoding.Latin1.GetString(bytes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{}""", "APIKeyCreate", "environment_id")]
    [InlineData("""{"environment_id":null}""", "APIKeyCreate", "environment_id")]
    [InlineData("""{"environment_id":0}""", "APIKeyCreate", "environment_id")]
    [InlineData("""{"environment_id":1,"expires_at":"2026-03-10T12:00:00Z"}""", "APIKeyCreate", "expires_at")]
    [InlineData("""{"environment_id":1,"expires_at":"2027-01-01T00:00:00+01:00"}""", "APIKeyCreate", "expires_at")]
    [InlineData("""{"environment_id":"1"}""", "body", "environment_id")]
    [InlineData("""{"environment_id":1.0}""", "body", "environment_id")]
    [InlineData("""{"environment_id":1,"expires_at":""}""", "body", "expires_at")]
    [InlineData("""{"environment_id":1,"expires_at":0}""", "body", "expires_at")]
    [InlineData("""{"environment_id":1,"expires_at":"2027-01-01"}""", "body", "expires_at")]
    [InlineData("", "body", null)]
    public async Task A_key_with_a_faulty_field_is_not_created(string body, string entity, string? loc) =>
        (await Rest.PostAsync("/api-keys", body))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", entity, loc);

    [Fact]
    public async Task Two_faulty_fields_are_told_together()
    {
        var answer = await Rest.PostAsync("/api-keys", new { environment_id = 0, expires_at = "2001-01-01T00:00:00Z" });

        answer.ExpectError(HttpStatusCode.UnprocessableEntity, "AGGREGATE_ERRORS");
        Assert.Equal(["environment_id", "expires_at"], answer["errors"]!.AsArray().Select(error => (string?)error!["loc"]));
    }

    [Theory]
    [InlineData("999999")]
    [InlineData("99999999999999999999999")]
    public async Task A_key_of_an_unknown_environment_is_not_created(string id) =>
        (await Rest.PostAsync("/api-keys", $$"""{"environment_id":{{id}}}"""))
            .ExpectError(HttpStatusCode.NotFound, "NOT_FOUND", "Environment", "environment_id", $$"""{"id":{{id}}}""");

    [Fact]
    public async Task No_key_is_created_or_enabled_in_a_disabled_environment_or_project()
    {
        var project = await fixture.Scenario.ProjectAsync(await fixture.Scenario.ClientAsync());
        var environment = await fixture.Scenario.EnvironmentAsync(project);
        var (key, _) = await fixture.Scenario.KeyAsync(environment);

        await Rest.PostAsync($"/projects/{project}/disable");
        await ExpectRefusedAsync("Project", project);
        await Rest.PostAsync($"/environments/{environment}/disable");
        await ExpectRefusedAsync("Environment", environment);
        await Rest.PostAsync($"/projects/{project}/enable");
        await ExpectRefusedAsync("Environment", environment);
        (await Rest.PostAsync($"/api-keys/{key}/disable")).Expect(HttpStatusCode.NoContent);
        await Rest.PostAsync($"/environments/{environment}/enable");
        (await Rest.PostAsync($"/api-keys/{key}/enable")).Expect(HttpStatusCode.NoContent);

        async Task ExpectRefusedAsync(string entity, int id)
        {
            foreach (var answer in new[]
            {
                await Rest.PostAsync("/api-keys", new { environment_id = environment }),
                await Rest.PostAsync($"/api-keys/{key}/enable"),
            })
            {
                answer.ExpectError(
                    HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", entity, identifiers: $$"""{"id":{{id}}}""");
            }
        }
    }

    [Fact]
    public async Task Keys_created_while_their_environment_is_deleted_are_created_or_the_environment_is_unknown()
    {
        var environment = await EnvironmentAsync();
        var creations = Enumerable.Range(0, 30)
            .Select(_ => Rest.PostAsync("/api-keys", new { environment_id = environment }))
            .ToList();
        await creations[0];
        (await Rest.DeleteAsync($"/environments/{environment}")).Expect(HttpStatusCode.NoContent);

        foreach (var answer in await Task.WhenAll(creations))
        {
            if (answer.Status != HttpStatusCode.Created)
            {
                answer.ExpectError(
                    HttpStatusCode.NotFound, "NOT_FOUND", "Environment", "environment_id", $$"""{"id":{{environment}}}""");
            }
        }
        Assert.Equal(0, await fixture.Node.ScalarAsync<long>("SELECT count(*) FROM api_key WHERE environment_id = $1", environment));
    }

    [Fact, Checklist(49)]
    public async Task An_expiry_is_set_kept_and_cleared()
    {
        var (id, _) = await fixture.Scenario.KeyAsync(await EnvironmentAsync());

        await ExpectExpiryAsync("""{"expires_at":"2027-01-01T00:00:00.1234567Z"}""", "2027-01-01T00:00:00.123456Z");
        await ExpectExpiryAsync("{}", "2027-01-01T00:00:00.123456Z");
        await ExpectExpiryAsync("""{"expires_at":null}""", null);
        await ExpectExpiryAsync("""{"expires_at":"2026-03-10T12:00:00.000001-00:00","status":"disabled"}""", "2026-03-10T12:00:00.000001Z");

        async Task ExpectExpiryAsync(string body, string? expiry)
        {
            var answer = (await Rest.PatchAsync($"/api-keys/{id}", body)).Expect(HttpStatusCode.OK);
            Assert.Equal(Properties, answer.Json.AsObject().Select(property => property.Key));
            Assert.Equal((expiry, "enabled"), ((string?)answer["expires_at"], answer.Text("status")));
        }
    }

    [Fact, Checklist(49)]
    public async Task An_expired_key_whose_expiry_is_cleared_passes_again()
    {
        var subscription = await fixture.Scenario.SubscriptionAsync();
        await ExpireAsync(subscription.Key);
        Assert.Equal("API_KEY_EXPIRED", (await fixture.Node.ValidateAsync(subscription.Request())).FailureCode);

        (await Rest.PatchAsync($"/api-keys/{subscription.Key}", """{"expires_at":null}""")).Expect(HttpStatusCode.OK);

        Assert.True((await fixture.Node.ValidateAsync(subscription.Request())).Valid);
    }

    [Theory]
    [InlineData("""{"expires_at":"2026-03-10T12:00:00Z"}""", "APIKeyUpdate", "expires_at")]
    [InlineData("""{"expires_at":"2027-01-01T00:00:00+02:00"}""", "APIKeyUpdate", "expires_at")]
    [InlineData("""{"expires_at":"soon"}""", "body", "expires_at")]
    [InlineData("""{"expires_at":false}""", "body", "expires_at")]
    [InlineData("", "body", null)]
    public async Task A_faulty_update_changes_nothing(string body, string entity, string? loc)
    {
        var (id, _) = await fixture.Scenario.KeyAsync(await EnvironmentAsync());

        (await Rest.PatchAsync($"/api-keys/{id}", body))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", entity, loc);
        Assert.Null((await Rest.GetAsync($"/api-keys/{id}"))["expires_at"]);
    }

    [Fact, Checklist(50)]
    public async Task An_expired_key_can_be_disabled_and_stays_so_when_it_gets_a_later_expiry()
    {
        var (id, _) = await fixture.Scenario.KeyAsync(await EnvironmentAsync(), fixture.Clock.Now.AddDays(1));
        await ExpireAsync(id);

        (await Rest.PostAsync($"/api-keys/{id}/enable")).ExpectError(
            HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "APIKey", identifiers: $$"""{"id":{{id}}}""");
        (await Rest.PostAsync($"/api-keys/{id}/disable")).Expect(HttpStatusCode.NoContent);
        (await Rest.PostAsync($"/api-keys/{id}/disable")).Expect(HttpStatusCode.NoContent);
        Assert.Equal("disabled", (await Rest.PatchAsync($"/api-keys/{id}", new { expires_at = "2027-01-01T00:00:00Z" })).Text("status"));
        Assert.Equal("disabled", (await Rest.GetAsync($"/api-keys/{id}")).Text("status"));
        (await Rest.PostAsync($"/api-keys/{id}/enable")).Expect(HttpStatusCode.NoContent);
        Assert.Equal("enabled", (await Rest.GetAsync($"/api-keys/{id}")).Text("status"));
    }

    [Fact]
    public async Task A_key_is_not_expired_at_the_very_instant_of_its_expiry()
    {
        var (id, _) = await fixture.Scenario.KeyAsync(await EnvironmentAsync());
        await fixture.Node.ExecuteAsync("UPDATE api_key SET expires_at = $1 WHERE id = $2", fixture.Clock.Now, id);

        (await Rest.PostAsync($"/api-keys/{id}/enable")).Expect(HttpStatusCode.NoContent);
    }

    [Fact, Checklist(77)]
    public async Task Switches_need_neither_body_nor_content_type_and_ignore_one()
    {
        var (id, _) = await fixture.Scenario.KeyAsync(await EnvironmentAsync());

        foreach (var verb in new[] { "disable", "enable", "enable" })
        {
            var answer = (await Rest.PostAsync($"/api-keys/{id}/{verb}")).Expect(HttpStatusCode.NoContent);
            Assert.Equal("", answer.Body);
            (await Rest.PostAsync($"/api-keys/{id}/{verb}", "no JSON")).Expect(HttpStatusCode.NoContent);
        }
    }

    [Fact]
    public async Task A_deleted_key_is_gone()
    {
        var (id, _) = await fixture.Scenario.KeyAsync(await EnvironmentAsync());

        (await Rest.DeleteAsync($"/api-keys/{id}")).Expect(HttpStatusCode.NoContent);
        (await Rest.DeleteAsync($"/api-keys/{id}")).Expect(HttpStatusCode.NotFound);
    }

    public static TheoryData<string, string> AddressedKeys => new()
    {
        { "GET", "/api-keys/{0}" },
        { "PATCH", "/api-keys/{0}" },
        { "DELETE", "/api-keys/{0}" },
        { "POST", "/api-keys/{0}/enable" },
        { "POST", "/api-keys/{0}/disable" },
    };

    [Theory, Checklist(47)]
    [MemberData(nameof(AddressedKeys))]
    public async Task An_unknown_key_is_404_and_a_faulty_id_is_422(string method, string path)
    {
        foreach (var (id, status, code, entity, loc) in new[]
        {
            ("999999", HttpStatusCode.NotFound, "NOT_FOUND", "APIKey", null),
            ("99999999999999999999", HttpStatusCode.NotFound, "NOT_FOUND", "APIKey", null),
            ("0", HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", null, "id"),
            ("NaN", HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "path", "id"),
        })
        {
            var answer = await Rest.SendAsync(
                new HttpMethod(method), path.Replace("{0}", id, StringComparison.Ordinal), method == "PATCH" ? "{}" : null);
            answer.ExpectError(status, code, entity, loc, status == HttpStatusCode.NotFound ? $$"""{"id":{{id}}}""" : null);
        }
    }

    [Fact, Checklist(81, 83)]
    public async Task The_keys_of_an_environment_are_listed_newest_first_in_pages()
    {
        var environment = await EnvironmentAsync();
        Assert.Equal("[]", (await Rest.GetAsync($"/environments/{environment}/api-keys")).Expect(HttpStatusCode.OK).Body);
        var ids = new List<int>();
        for (var i = 0; i < 3; i++)
        {
            ids.Insert(0, (await fixture.Scenario.KeyAsync(environment)).Id);
        }
        await fixture.Scenario.KeyAsync(await EnvironmentAsync());

        var all = await Rest.GetAsync($"/environments/{environment}/api-keys");
        var first = await Rest.GetAsync($"/environments/{environment}/api-keys?limit=2");
        var rest = await Rest.GetAsync(first.NextPage!["/api/v1".Length..]);

        Assert.Equal(ids, Ids(all));
        Assert.All(all.Json.AsArray(), row => Assert.Equal(Properties, row!.AsObject().Select(property => property.Key)));
        Assert.Equal(ids, [.. Ids(first), .. Ids(rest)]);
        Assert.Null(rest.NextPage);
    }

    [Fact]
    public async Task A_list_of_keys_refuses_an_unknown_environment_and_a_faulty_query()
    {
        (await Rest.GetAsync("/environments/999999/api-keys"))
            .ExpectError(HttpStatusCode.NotFound, "NOT_FOUND", "Environment", identifiers: """{"id":999999}""");
        (await Rest.GetAsync("/environments/x/api-keys"))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "path", "id");
        (await Rest.GetAsync("/environments/1/api-keys?limit=0"))
            .ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "query", "limit");
    }

    private static IEnumerable<int> Ids(RestAnswer list) => list.Json.AsArray().Select(row => (int)row!["id"]!);

    private async Task<int> EnvironmentAsync() =>
        await fixture.Scenario.EnvironmentAsync(await fixture.Scenario.ProjectAsync(await fixture.Scenario.ClientAsync()));

    private Task ExpireAsync(int id) =>
        fixture.Node.ExecuteAsync("UPDATE api_key SET expires_at = $1 WHERE id = $2", fixture.Clock.Now.AddMicroseconds(-1), id);
}
