using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Pandora.Core.Health;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Health;

public sealed class HealthTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    [Fact]
    public async Task A_node_that_serves_is_OK_and_asks_for_no_token()
    {
        using var anonymous = new RestClient(pandora.Node.RestAddress);

        var answer = (await anonymous.GetAsync("/health")).Expect(HttpStatusCode.OK);

        Assert.Equal(["check", "status", "timestamp"], Names(answer.Json));
        Assert.Equal(["database"], Names(answer["check"]!));
        var database = answer["check"]!["database"]!;
        Assert.Equal(["status", "message", "latency"], Names(database));
        Assert.Equal(("OK", "OK", "2026-03-10T12:00:00Z"), ((string)database["status"]!, answer.Text("status"), answer.Text("timestamp")));
        Assert.InRange((long)database["latency"]!, 0, 5000);
        Assert.NotEqual("", (string)database["message"]!);
    }

    [Fact, Checklist(73)]
    public async Task A_stale_or_broken_token_does_not_matter()
    {
        using var client = new RestClient(pandora.Node.RestAddress) { Token = "x" };

        (await client.GetAsync("/health")).Expect(HttpStatusCode.OK);
    }

    [Fact, Checklist(44)]
    public async Task A_database_that_is_gone_is_DOWN_in_the_same_shape_and_back_again_afterwards()
    {
        await using var gone = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Username=x;Password=hidden;Database=x;Timeout=3");
        var useGone = true;
        await using var node = await TestNode.StartAsync(
            pandora.Node.ConnectionString,
            pandora.Clock,
            pandora.Node.DataDirectory,
            adjust: builder => builder.Services.AddTransient(provider => new DatabaseHealthCheck(
                useGone ? gone : provider.GetRequiredService<NpgsqlDataSource>())));

        var down = await node.Rest.GetAsync("/health");
        useGone = false;
        var up = await node.Rest.GetAsync("/health");

        down.Expect(HttpStatusCode.ServiceUnavailable);
        Assert.Equal("DOWN", down.Text("status"));
        Assert.Equal(("DOWN", 0), ((string)down["check"]!["database"]!["status"]!, (int)down["check"]!["database"]!["latency"]!));
        Assert.Equal(Names(up.Json), Names(down.Json));
        Assert.DoesNotContain("127.0.0.1", down.Body, StringComparison.Ordinal);
        up.Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Connections_that_the_database_closed_do_not_make_it_DOWN()
    {
        await using var node = await TestNode.StartAsync(await pandora.Server.CreateDatabaseAsync(), pandora.Clock);
        (await node.Rest.GetAsync("/health")).Expect(HttpStatusCode.OK);

        await node.ExecuteAsync(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");

        (await node.Rest.GetAsync("/health")).Expect(HttpStatusCode.OK);
    }

    private static IEnumerable<string> Names(JsonNode node) => node.AsObject().Select(member => member.Key);
}
