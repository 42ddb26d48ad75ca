using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Pandora.Tests.Auth;
using Pandora.Tests.Harness;

namespace Pandora.Tests.ApiKeys;

public sealed class RevealTests(PandoraFixture fixture) : IClassFixture<PandoraFixture>
{
    private TestNode Node => fixture.Node;

    [Fact, Checklist(62)]
    public async Task A_revealed_key_is_whole_never_stored_and_on_record()
    {
        var (id, secret) = await KeyAsync();
        var token = await ScopedTokenAsync();

        var answer = await RevealAsync(id, token);

        answer.Expect(HttpStatusCode.OK);
        Assert.Equal($$"""{"key":"{{secret}}"}""", answer.Body);
        Assert.Equal("no-store", answer.Response.Headers.CacheControl?.ToString());
        Assert.Equal(
            $"Admin|{TokenTests.IdOf(token)}|{id}|127.0.0.1|granted|2026-03-10 12:00:00+00",
            await Node.ScalarAsync<string>(
                """
                SELECT concat_ws('|', username, token_id, api_key_id, peer_address, outcome, created_at AT TIME ZONE 'UTC' || '+00')
                  FROM reveal_audit WHERE api_key_id = $1
                """,
                id));
    }

    [Fact, Checklist(47)]
    public async Task Every_refusal_of_a_known_caller_is_on_record_and_none_of_an_unknown_one()
    {
        var (id, _) = await KeyAsync();
        var token = await ScopedTokenAsync();

        (await RevealAsync(id, Node.Rest.Token!)).ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");
        (await RevealAsync("abc", token)).ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", "path", "id");
        (await RevealAsync("0", token)).ExpectError(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED", loc: "id");
        (await RevealAsync(2147483647, token))
            .ExpectError(HttpStatusCode.NotFound, "NOT_FOUND", "APIKey", identifiers: """{"id":2147483647}""");
        (await RevealAsync("99999999999999999999", token))
            .ExpectError(HttpStatusCode.NotFound, "NOT_FOUND", "APIKey", identifiers: """{"id":99999999999999999999}""");
        var unknown = await RevealAsync(id, "a.b.c");
        unknown.ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        Assert.Equal("no-store", unknown.Response.Headers.CacheControl?.ToString());

        Assert.Equal(
            "invalid_id -, invalid_id -, not_found -, not_found 2147483647",
            await Node.ScalarAsync<string>(
                """
                SELECT string_agg(outcome || ' ' || coalesce(api_key_id::text, '-'), ', ' ORDER BY outcome, api_key_id NULLS FIRST)
                  FROM reveal_audit WHERE token_id = $1
                """,
                TokenTests.IdOf(token)));
        Assert.Equal(
            "forbidden", await Node.ScalarAsync<string>("SELECT string_agg(outcome, ',') FROM reveal_audit WHERE api_key_id = $1", id));
    }

    [Fact]
    public async Task A_token_reveals_one_key_on_whatever_node_and_as_often_as_it_is_good()
    {
        await using var other = await fixture.StartAnotherNodeAsync();
        var (first, secret) = await KeyAsync();
        var (second, _) = await KeyAsync();
        var token = await ScopedTokenAsync();
        (await RevealAsync(2147483647, token)).ExpectError(HttpStatusCode.NotFound, "NOT_FOUND", "APIKey", identifiers: """{"id":2147483647}""");

        Assert.Equal(secret, (await RevealAsync(first, token)).Expect(HttpStatusCode.OK).Text("key"));
        Assert.Equal(secret, (await RevealAsync(first, token, other)).Expect(HttpStatusCode.OK).Text("key"));
        foreach (var node in (TestNode[])[Node, other])
        {
            (await RevealAsync(second, token, node)).ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");
        }
        Assert.Equal("forbidden,forbidden", await OutcomeAsync(second));

        (await Node.Rest.DeleteAsync($"/api-keys/{first}")).Expect(HttpStatusCode.NoContent);
        (await RevealAsync(second, token)).ExpectError(HttpStatusCode.Forbidden, "FORBIDDEN");
        (await RevealAsync(second, await ScopedTokenAsync())).Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Of_many_keys_asked_for_at_once_on_two_nodes_a_token_reveals_one()
    {
        await using var other = await fixture.StartAnotherNodeAsync();
        List<int> keys = [];
        for (var i = 0; i < 16; i++)
        {
            keys.Add((await KeyAsync()).Id);
        }
        var token = await ScopedTokenAsync();

        var answers = await Task.WhenAll(keys.Select((key, i) => RevealAsync(key, token, i % 2 == 0 ? Node : other)));

        Assert.Single(answers, answer => answer.Status == HttpStatusCode.OK);
        Assert.Equal(15, answers.Count(answer => answer.Status == HttpStatusCode.Forbidden));
        Assert.Equal(
            "forbidden 15, granted 1",
            await Node.ScalarAsync<string>(
                """
                SELECT string_agg(outcome || ' ' || count, ', ' ORDER BY outcome)
                  FROM (SELECT outcome, count(*) FROM reveal_audit WHERE token_id = $1 GROUP BY outcome) AS outcomes
                """,
                TokenTests.IdOf(token)));
    }

    [Fact]
    public async Task Which_key_a_token_served_is_forgotten_long_after_its_end()
    {
        var (id, _) = await KeyAsync();
        await Node.ExecuteAsync(
            "INSERT INTO revealed_key VALUES ('of yesterday', $1, now() - interval '25 hours'), ('of today', $1, now() - interval '23 hours')", id);

        (await RevealAsync(id, await ScopedTokenAsync())).Expect(HttpStatusCode.OK);

        Assert.Equal(
            "of today", await Node.ScalarAsync<string>("SELECT string_agg(token_id, ',') FROM revealed_key WHERE token_id LIKE 'of %'"));
    }

    [Fact]
    public async Task The_record_outlives_the_key()
    {
        var (id, _) = await KeyAsync();
        (await RevealAsync(id, await ScopedTokenAsync())).Expect(HttpStatusCode.OK);

        (await Node.Rest.DeleteAsync($"/api-keys/{id}")).Expect(HttpStatusCode.NoContent);

        Assert.Equal(1, await Node.ScalarAsync<long>("SELECT count(*) FROM reveal_audit WHERE api_key_id = $1", id));
    }

    [Fact, Checklist(62)]
    public async Task A_key_is_not_shown_if_that_cannot_be_recorded()
    {
        await using var node = await TestNode.StartAsync(await fixture.Server.CreateDatabaseAsync(), fixture.Clock);
        var (id, secret) = await KeyAsync(node);
        await node.ExecuteAsync("DROP TABLE reveal_audit");

        var answer = await RevealAsync(id, await ScopedTokenAsync(node), node);

        answer.ExpectError(HttpStatusCode.InternalServerError, "INTERNAL");
        Assert.DoesNotContain(secret, answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_ciphertext_is_an_internal_error_and_on_record()
    {
        var (id, _) = await KeyAsync();
        await Node.ExecuteAsync("UPDATE api_key SET key_ciphertext = set_byte(key_ciphertext, 40, get_byte(key_ciphertext, 40) # 1) WHERE id = $1", id);

        (await RevealAsync(id, await ScopedTokenAsync())).ExpectError(HttpStatusCode.InternalServerError, "INTERNAL");

        Assert.Equal("undecryptable", await OutcomeAsync(id));
    }

    [Fact]
    public async Task A_ciphertext_moved_to_another_key_does_not_open_there()
    {
        var (from, _) = await KeyAsync();
        var (to, _) = await KeyAsync();
        await Node.ExecuteAsync("UPDATE api_key SET key_ciphertext = (SELECT key_ciphertext FROM api_key WHERE id = $1) WHERE id = $2", from, to);

        (await RevealAsync(to, await ScopedTokenAsync())).ExpectError(HttpStatusCode.InternalServerError, "INTERNAL");
    }

    [Fact]
    public async Task A_node_without_the_key_material_checks_keys_creates_keys_and_cannot_reveal_those_of_others()
    {
        await using var node = await TestNode.StartAsync(await fixture.Server.CreateDatabaseAsync(), fixture.Clock);
        await using var other = await TestNode.StartAsync(node.ConnectionString, fixture.Clock);
        var subscription = await new Scenario(node.Rest).SubscriptionAsync();
        Assert.False(Directory.Exists(Path.Combine(other.DataDirectory, "key-material")));

        Assert.True((await other.ValidateAsync(subscription.Request())).Valid);
        (await RevealAsync(subscription.Key, await ScopedTokenAsync(other), other)).ExpectError(HttpStatusCode.InternalServerError, "INTERNAL");
        Assert.Equal("undecryptable", await OutcomeAsync(subscription.Key, node));

        var (own, secret) = await new Scenario(other.Rest).KeyAsync(subscription.Environment);
        Assert.Equal(secret, (await RevealAsync(own, await ScopedTokenAsync(other), other)).Text("key"));
        (await RevealAsync(own, await ScopedTokenAsync(node), node)).ExpectError(HttpStatusCode.InternalServerError, "INTERNAL");

        foreach (var file in Directory.GetFiles(Path.Combine(node.DataDirectory, "key-material")))
        {
            File.Copy(file, Path.Combine(other.DataDirectory, "key-material", Path.GetFileName(file)));
        }
        Assert.Equal(subscription.Secret, (await RevealAsync(subscription.Key, await ScopedTokenAsync(other), other)).Text("key"));
    }

    [Fact]
    public async Task A_scoped_token_lives_one_minute()
    {
        await using var node = await TestNode.StartAsync(Node.ConnectionString, new TestClock(fixture.Clock.Now), Node.DataDirectory);
        var clock = (TestClock)node.Services.GetRequiredService<TimeProvider>();
        var (id, _) = await KeyAsync();
        var token = await ScopedTokenAsync(node);

        clock.Advance(TimeSpan.FromMilliseconds(59_999));
        (await RevealAsync(id, token, node)).Expect(HttpStatusCode.OK);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        (await RevealAsync(id, token, node)).ExpectError(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        (await node.Rest.GetAsync("/services")).Expect(HttpStatusCode.OK);
    }

    private async Task<(int Id, string Secret)> KeyAsync(TestNode? node = null)
    {
        var scenario = new Scenario((node ?? Node).Rest);
        return await scenario.KeyAsync(await scenario.EnvironmentAsync(await scenario.ProjectAsync(await scenario.ClientAsync())));
    }

    private async Task<string> ScopedTokenAsync(TestNode? node = null) =>
        (await (node ?? Node).Rest.PostAsync("/auth/reauthenticate", new { action = "REVEAL_API_KEY", password = TestAccount.Password }))
            .Expect(HttpStatusCode.OK)
            .Text("access_token");

    private async Task<RestAnswer> RevealAsync(object id, string token, TestNode? node = null)
    {
        using var client = new RestClient((node ?? Node).RestAddress) { Token = token };
        return await client.GetAsync($"/api-keys/{id}/reveal/key");
    }

    private Task<string> OutcomeAsync(int id, TestNode? node = null) =>
        (node ?? Node).ScalarAsync<string>("SELECT string_agg(outcome, ',') FROM reveal_audit WHERE api_key_id = $1", id);
}
