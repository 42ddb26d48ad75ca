using System.Net;
using System.Text.Json.Nodes;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Rest;

/// <summary>Lists that are answered whole, however long they are.</summary>
[Collection(MeasuredAlone.Name)]
public sealed class StreamedListTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const int Keys = 100_000;

    private TestNode Node => pandora.Node;

    [Fact]
    public async Task The_memory_for_a_list_without_a_limit_does_not_grow_with_it()
    {
        var records = await pandora.Scenario.SubscriptionAsync();
        await AddKeysAsync(records.Environment, Keys);
        var path = $"/api/v1/environments/{records.Environment}/api-keys";
        var ct = TestContext.Current.CancellationToken;
        var buffer = new byte[65_536];
        await ReadAsync(null); // what is loaded once is loaded
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var most = 0L;

        var length = await ReadAsync(() => most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before));

        Assert.True(length > 10_000_000, $"{length}");
        Assert.True(most < 4_000_000, $"{most} bytes held for an answer of {length}"); // of this process, which is the node too

        async Task<long> ReadAsync(Action? look)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Authorization = new("Bearer", Node.Rest.Token);
            using var response = await Node.Rest.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            await using var body = await response.Content.ReadAsStreamAsync(ct);
            var (length, looked) = (0L, 0);
            for (int read; (read = await body.ReadAsync(buffer, ct)) > 0; length += read)
            {
                if (look is not null && length / 1_000_000 > looked)
                {
                    looked++;
                    look();
                }
            }
            return length;
        }
    }

    [Theory]
    [InlineData(999)]
    [InlineData(1000)]
    [InlineData(1001)]
    [InlineData(2000)]
    [InlineData(3500)]
    public async Task A_list_that_is_fetched_in_parts_is_what_its_pages_are_put_together(int count)
    {
        var records = await pandora.Scenario.SubscriptionAsync();
        await AddKeysAsync(records.Environment, count - 1); // it has one already

        var whole = (await Node.Rest.GetAsync($"/environments/{records.Environment}/api-keys")).Expect(HttpStatusCode.OK);
        var pages = new List<JsonNode?>();
        for (var page = await Node.Rest.GetAsync($"/environments/{records.Environment}/api-keys?limit=700"); ;)
        {
            pages.AddRange(page.Expect(HttpStatusCode.OK).Json.AsArray());
            if (page.NextPage is not { } next)
            {
                break;
            }
            page = await Node.Rest.SendAsync(new HttpRequestMessage(HttpMethod.Get, next));
        }

        Assert.Null(whole.NextPage);
        Assert.Equal(count, pages.Count);
        Assert.Equal(pages.Select(row => row!.ToJsonString()), whole.Json.AsArray().Select(row => row!.ToJsonString()));
    }

    [Fact]
    public async Task Every_list_without_a_limit_is_whole_beyond_a_part()
    {
        const int Many = 250;
        await using var node = await TestNode.StartAsync(await pandora.Server.CreateDatabaseAsync(), pandora.Clock);
        var scenario = new Scenario(node);
        var records = await scenario.SubscriptionAsync();
        await node.ExecuteAsync(
            """
            INSERT INTO client (type, name, email, email_folded, created_at)
            SELECT 'developer', 'many-' || i, i || '@many.example', i || '@many.example', now() FROM generate_series(1, 1500) i
            """);
        await node.ExecuteAsync(
            "INSERT INTO service (name, version, status, created_at) SELECT 'many-' || i, '1', 'enabled', now() FROM generate_series(1, 1500) i");
        await node.ExecuteAsync(
            "INSERT INTO project (client_id, name, status, created_at) SELECT $1, 'many-' || i, 'enabled', now() FROM generate_series(1, $2) i",
            records.Client,
            Many);
        await node.ExecuteAsync(
            "INSERT INTO environment (project_id, name, status, created_at) SELECT $1, 'many-' || i, 'enabled', now() FROM generate_series(1, $2) i",
            records.Project,
            Many);

        foreach (var (path, count) in ((string, int)[])[
            ("/clients", 1501), ("/services", 1501), ("/projects", Many + 1), ($"/clients/{records.Client}/projects", Many + 1),
            ("/environments", Many + 1), ($"/projects/{records.Project}/environments", Many + 1)])
        {
            var rows = (await node.Rest.GetAsync(path)).Expect(HttpStatusCode.OK).Json.AsArray();

            Assert.Equal(count, rows.Select(row => (int)row!["id"]!).Distinct().Count());
            Assert.Equal(count, rows.Count);
        }
    }

    [Fact]
    public async Task A_list_that_breaks_off_ends_its_connection_and_not_the_array()
    {
        await using var node = await TestNode.StartAsync(await pandora.Server.CreateDatabaseAsync(), pandora.Clock);
        var records = await new Scenario(node).SubscriptionAsync();
        await AddKeysAsync(records.Environment, 20_000, node);
        var ct = TestContext.Current.CancellationToken;
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/environments/{records.Environment}/api-keys");
        request.Headers.Authorization = new("Bearer", node.Rest.Token);
        using var response = await node.Rest.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);

        await node.ExecuteAsync("ALTER TABLE api_key RENAME TO gone"); // while the first part waits to be read

        await Assert.ThrowsAsync<HttpRequestException>(() => response.Content.LoadIntoBufferAsync(ct));
        Assert.Contains("[1103]", node.Warnings, StringComparison.Ordinal);
        Assert.Empty(node.Errors);
    }

    private Task AddKeysAsync(int environment, int count, TestNode? node = null) => (node ?? Node).ExecuteAsync(
        """
        INSERT INTO api_key (environment_id, key_hash, key_mask, key_ciphertext, key_material_id, status, created_at)
        SELECT environment_id, sha256((environment_id || '/' || i)::bytea), key_mask, key_ciphertext, key_material_id, status,
               created_at - (i / 3) * interval '1 s'
          FROM (SELECT * FROM api_key WHERE environment_id = $1 LIMIT 1) one, generate_series(1, $2) i
        """,
        environment,
        count);
}
