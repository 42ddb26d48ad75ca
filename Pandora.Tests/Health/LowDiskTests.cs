using System.Net;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.Extensions.Time.Testing;
using Pandora.Core.Settings;
using Pandora.Tests.Faults;
using Pandora.Tests.Harness;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Pandora.Tests.Health;

/// <summary>The disk of the private database before it is full.</summary>
public sealed class LowDiskTests(TestServer server)
{
    private const int Megabytes = 64;

    // A twentieth of them is 3.2.
    private const int Little = 2;
    private const int Enough = 5;

    [Fact]
    public async Task Little_room_is_told_by_health_and_every_ten_minutes_by_the_log_while_calls_are_served()
    {
        using var disk = TinyDisk.Mount(Megabytes);
        Directory.CreateDirectory(Path.Combine(disk.Path, "postgres", "data"));
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(
            await server.CreateDatabaseAsync(),
            time,
            disk.Path,
            settings => settings with { Database = new DatabaseSettings.Embedded("pandora", "pandora", "elsewhere") });
        Assert.Equal(("OK", "OK"), await HealthAsync(node));
        disk.Fill(Enough);
        Assert.Equal(("OK", "OK"), await HealthAsync(node));
        Assert.Equal(0, Warnings(node));

        disk.Fill(Little);

        var answer = (await node.Rest.GetAsync("/health")).Expect(HttpStatusCode.OK);
        Assert.Equal("The disk of the database is nearly full.", (string)answer["check"]!["database"]!["message"]!);
        Assert.Equal(("DEGRADED", "DEGRADED"), await HealthAsync(node));
        using var channel = GrpcChannel.ForAddress(node.GrpcAddress);
        var grpc = await new Grpc.Health.V1.Health.HealthClient(channel).CheckAsync(
            new HealthCheckRequest(), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(ServingStatus.Serving, grpc.Status);
        Assert.True((await node.ConsumeAsync((await new Scenario(node).SubscriptionAsync()).Request())).BaseResponse.Valid);

        time.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(1));
        await HealthAsync(node);
        Assert.Equal(1, Warnings(node));
        time.Advance(TimeSpan.FromSeconds(1));
        await HealthAsync(node);
        Assert.Equal(2, Warnings(node));

        disk.MakeRoom();
        Assert.Equal(("OK", "OK"), await HealthAsync(node));
    }

    private static async Task<(string Node, string Database)> HealthAsync(TestNode node)
    {
        var answer = (await node.Rest.GetAsync("/health")).Expect(HttpStatusCode.OK);
        return (answer.Text("status"), (string)answer["check"]!["database"]!["status"]!);
    }

    private static int Warnings(TestNode node) => node.Warnings.Split("[2013]").Length - 1;
}
