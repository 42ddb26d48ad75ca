using System.Globalization;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Pandora.Core.Transport;
using Pandora.Tests.Harness;
using Pandora.Tests.Operation;

namespace Pandora.Tests.Transport;

/// <summary>More connections than there is room for, and those that say nothing.</summary>
public sealed class ConnectionsTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const string Ask = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n";

    [Fact]
    public async Task Both_ports_together_take_as_many_connections_as_there_is_room_for_and_more_when_some_end()
    {
        const string Other = "127.0.0.2";
        await using var node = await StartAsync(room: 8);
        var silent = new List<RawHttp>();
        for (var i = 0; i < 3; i++) // the administrator's own is the fourth
        {
            silent.Add(await RawHttp.ConnectAsync(i % 2 == 0 ? node.RestAddress : node.GrpcAddress));
        }

        await Eventually.HoldsAsync("one address gets half", async () => !await IsServedAsync(node, "127.0.0.1"));
        Assert.Contains("[1201] A connection from 127.0.0.1 was refused: 4 are open, 4 of them", node.Warnings, StringComparison.Ordinal);
        Assert.True(await IsServedAsync(node, Other));

        for (var i = 0; i < 4; i++)
        {
            silent.Add(await RawHttp.ConnectAsync(i % 2 == 0 ? node.RestAddress : node.GrpcAddress, Other));
        }
        await Eventually.HoldsAsync("all are taken", async () => !await IsServedAsync(node, "127.0.0.3"));
        (await node.Rest.GetAsync("/health")).Expect(HttpStatusCode.OK); // over the connection that it has
        Assert.Equal(1, node.Warnings.Split("[1201]").Length - 1);

        silent[0].Dispose();
        await Eventually.HoldsAsync("a new one is served", () => IsServedAsync(node, "127.0.0.3"));
        silent.ForEach(connection => connection.Dispose());
    }

    [Fact]
    public async Task A_connection_that_says_nothing_for_thirty_seconds_is_ended()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(await pandora.Server.CreateDatabaseAsync(), time);
        foreach (var address in (Uri[])[node.RestAddress, node.GrpcAddress])
        {
            using var silent = await RawHttp.ConnectAsync(address);
            var end = silent.ReadAsync();

            await Eventually.HoldsAsync("the end of the connection", () =>
            {
                time.Advance(TimeSpan.FromSeconds(5));
                return Task.FromResult(end.IsCompleted);
            });

            Assert.Equal("", await end);
        }
    }

    [Theory]
    [InlineData(600)]
    [InlineData(1024)]
    public async Task More_silent_connections_than_there_are_descriptors_cost_nobody_else_anything(int descriptors)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux tells its limit of descriptors in a file.");
        using var folder = new DataFolder();
        await using var process = PandoraProcess.Start(
            ["Pandora.Core.dll"],
            folder.Path,
            [],
            "sh",
            "-c",
            $"ulimit -n {descriptors.ToString(CultureInfo.InvariantCulture)}; exec \"$@\"",
            "sh");
        await process.UntilReadyAsync();
        using var rest = new RestClient(process.RestAddress);
        (await rest.GetAsync("/health")).Expect(HttpStatusCode.OK);
        var silent = new List<RawHttp>();
        try
        {
            for (var i = 0; i < descriptors + 200; i++)
            {
                silent.Add(await RawHttp.ConnectAsync(i % 2 == 0 ? process.RestAddress : process.GrpcAddress, $"127.0.0.{2 + (i % 3)}"));
            }
            for (var i = 0; i < 20; i++)
            {
                (await rest.GetAsync("/health")).Expect(HttpStatusCode.OK);
            }
            await process.UntilAsync(line => line.Contains("there is room for", StringComparison.Ordinal), "the warning");
        }
        finally
        {
            silent.ForEach(connection => connection.Dispose());
        }

        await Eventually.HoldsAsync("a new caller is served", () => IsServedAsync(process.RestAddress, "127.0.0.1"));
        Assert.Equal(0, await process.StopAsync());
    }

    [Fact]
    public async Task Too_few_descriptors_for_anybody_refuse_the_start_with_one_line()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux tells its limit of descriptors in a file.");
        using var folder = new DataFolder();
        await using var process = PandoraProcess.Start(
            ["Pandora.Core.dll"], folder.Path, [], "sh", "-c", "ulimit -n 300; exec \"$@\"", "sh");

        Assert.Equal(1, await process.EndAsync());
        Assert.StartsWith("The limit of open files is 300,", Assert.Single(process.Errors), StringComparison.Ordinal);
    }

    private static Task<bool> IsServedAsync(TestNode node, string from) => IsServedAsync(node.RestAddress, from);

    private static async Task<bool> IsServedAsync(Uri address, string from)
    {
        using var caller = await RawHttp.ConnectAsync(address, from);
        await caller.SendAsync(Ask);
        return (await caller.ReadAsync()).StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal);
    }

    private async Task<TestNode> StartAsync(int room) => await TestNode.StartAsync(
        await pandora.Server.CreateDatabaseAsync(),
        adjust: builder => builder.Services.AddSingleton(services =>
            new Connections(room, TimeProvider.System, services.GetRequiredService<ILogger<Connections>>())));
}
