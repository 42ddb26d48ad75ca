using System.Net;
using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Operation;

/// <summary>
/// The whole product under load, with its own database that flushes to disk. How it ends in every other way is the
/// business of the fault tests.
/// </summary>
public sealed class CrashUnderLoadTests : IDisposable
{
    private const long Quota = 1_000_000;
    private const int Callers = 16;

    private readonly DataFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact, Checklist(63)]
    public async Task Stopping_under_load_drains_closes_both_ports_and_exits_with_0()
    {
        Load load;
        await using (var process = await PandoraProcess.StartReadyAsync(_folder.Path))
        {
            using var rest = await process.SignInFirstAsync();
            load = new Load(await new Scenario(rest).SubscriptionAsync(Quota), Callers, seed: 7001);
            load.MoveTo(process.GrpcAddress);
            using var gone = new CancellationTokenSource();
            var calling = load.RunAsync(CancellationToken.None, gone.Token);
            await load.AnsweredAsync(300);

            Assert.Equal(0, await process.StopAsync());

            await gone.CancelAsync();
            await calling;
            await Assert.ThrowsAnyAsync<SocketException>(() => ConnectAsync(process.HttpPort));
            await Assert.ThrowsAnyAsync<SocketException>(() => ConnectAsync(process.GrpcPort));
            Assert.False(File.Exists(_folder.PidFile)); // the private database was shut down cleanly
        }
        await using var again = await PandoraProcess.StartReadyAsync(_folder.Path);
        await load.ExpectProvenAsync(_folder.ConnectionString, Quota, refusedLeaveNothing: false);
    }

    [Fact, Checklist(17)]
    public async Task A_key_is_nowhere_on_disk_nor_in_the_output()
    {
        await using var process = await PandoraProcess.StartReadyAsync(_folder.Path);
        using var rest = await process.SignInFirstAsync();
        var subscription = await new Scenario(rest).SubscriptionAsync(Quota);
        using var grpc = Grpc(process);
        var request = subscription.Request();
        request.Request.Metadata = new RequestMetadata
        {
            Headers = $"Authorization: Bearer {subscription.Secret}\nX-Trace: {subscription.Secret}",
            Body = $"key={subscription.Secret}",
            QueryParams = subscription.Secret,
            Cookies = subscription.Secret,
        };
        request.Request.Path = $"/{subscription.Secret}/orders";
        Assert.Equal(StatusCode.OK, (await grpc.CallAsync(Calls.ConsumePath, request, ValidateConsumeResponse.Parser, Token)).Code);
        var scoped = await rest.PostAsync(
            "/auth/reauthenticate", new { action = "REVEAL_API_KEY", password = FirstLogin.Password });
        rest.Token = scoped.Expect(HttpStatusCode.OK).Text("access_token");
        Assert.Equal(subscription.Secret, (await rest.GetAsync($"/api-keys/{subscription.Key}/reveal/key")).Text("key"));
        Assert.Equal(0, await process.StopAsync());

        var secret = Encoding.ASCII.GetBytes(subscription.Secret);
        var files = Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories).ToList();

        Assert.True(files.Count > 100, "the data directory was looked at");
        Assert.DoesNotContain(files, file => File.ReadAllBytes(file).AsSpan().IndexOf(secret) >= 0);
        Assert.DoesNotContain(process.Output.Concat(process.Errors), line => line.Contains(subscription.Secret, StringComparison.Ordinal));
    }

    private static GrpcClient Grpc(PandoraProcess process) => new(process.GrpcAddress);

    private static async Task ConnectAsync(int port)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, Token);
    }
}
