using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Pandora.Core.Grpc;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Grpc;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

/// <summary>
/// The whole product under load, with its own database that flushes to disk, ended in every way: what was answered must
/// be in the log, and the quota must agree with it.
/// </summary>
public sealed class CrashUnderLoadTests : IDisposable
{
    private const long Quota = 1_000_000;
    private const int Callers = 16;
    private const string Password = "under load nothing is lost";

    private readonly DataFolder _folder = new();
    private readonly ConcurrentBag<string> _answered = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Killing_the_process_loses_no_answered_call()
    {
        await using (var process = await PandoraProcess.StartReadyAsync(_folder.Path))
        {
            var subscription = await PrepareAsync(process);
            var load = LoadAsync(process, subscription, Token);
            await AnsweredAsync(process, 300);

            Signals.Send("KILL", process.Id);

            await process.EndAsync();
            await load;
        }
        await BooksAgreeAfterRestartAsync();
    }

    [Fact, Checklist(63)]
    public async Task Stopping_under_load_drains_closes_both_ports_and_exits_with_0()
    {
        await using (var process = await PandoraProcess.StartReadyAsync(_folder.Path))
        {
            var subscription = await PrepareAsync(process);
            var load = LoadAsync(process, subscription, Token);
            await AnsweredAsync(process, 300);

            Assert.Equal(0, await process.StopAsync());

            await load;
            await Assert.ThrowsAnyAsync<SocketException>(() => ConnectAsync(process.HttpPort));
            await Assert.ThrowsAnyAsync<SocketException>(() => ConnectAsync(process.GrpcPort));
            Assert.False(File.Exists(_folder.PidFile)); // the private database was shut down cleanly
        }
        await BooksAgreeAfterRestartAsync();
    }

    [Fact]
    public async Task Killing_the_database_loses_no_answered_call_and_the_load_goes_on_by_itself()
    {
        await using (var process = await PandoraProcess.StartReadyAsync(_folder.Path))
        {
            var subscription = await PrepareAsync(process);
            using var enough = new CancellationTokenSource();
            var load = LoadAsync(process, subscription, enough.Token);
            await AnsweredAsync(process, 200);

            Signals.Send("KILL", _folder.ServerPid);

            var before = _answered.Count;
            await AnsweredAsync(process, before + 200);
            await enough.CancelAsync();
            await load;
        }
        await BooksAgreeAfterRestartAsync();
    }

    [Fact, Checklist(17)]
    public async Task A_key_is_nowhere_on_disk_nor_in_the_output()
    {
        await using var process = await PandoraProcess.StartReadyAsync(_folder.Path);
        var subscription = await PrepareAsync(process);
        using var rest = Rest(process);
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
        Assert.Equal(GrpcCode.Ok, (await grpc.CallAsync(Calls.ConsumePath, request, ValidateConsumeResponse.Parser, Token)).Code);
        await rest.SignInAsync("Admin", Password);
        var scoped = await rest.PostAsync("/auth/reauthenticate", new { action = "REVEAL_API_KEY", password = Password });
        rest.Token = scoped.Expect(HttpStatusCode.OK).Text("access_token");
        Assert.Equal(subscription.Secret, (await rest.GetAsync($"/api-keys/{subscription.Key}/reveal/key")).Text("key"));
        Assert.Equal(0, await process.StopAsync());

        var secret = Encoding.ASCII.GetBytes(subscription.Secret);
        var files = Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories).ToList();

        Assert.True(files.Count > 100, "the data directory was looked at");
        Assert.DoesNotContain(files, file => File.ReadAllBytes(file).AsSpan().IndexOf(secret) >= 0);
        Assert.DoesNotContain(process.Output.Concat(process.Errors), line => line.Contains(subscription.Secret, StringComparison.Ordinal));
    }

    /// <summary>First login with the printed password, its change, and a key with a large quota.</summary>
    private static async Task<Subscription> PrepareAsync(PandoraProcess process)
    {
        var printed = process.Output.Single(line => line.StartsWith("        - Password: ", StringComparison.Ordinal)).Split(": ")[1];
        using var rest = Rest(process);
        await rest.SignInAsync("Admin", printed);
        (await rest.PostAsync("/auth/change-password", new { new_password = Password, confirm_password = Password }))
            .Expect(HttpStatusCode.NoContent);
        return await new Scenario(rest).SubscriptionAsync(Quota);
    }

    /// <summary>Callers that go on until the process is gone or <paramref name="enough"/>; refusals in between are retried.</summary>
    private Task LoadAsync(PandoraProcess process, Subscription subscription, CancellationToken enough) =>
        Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
        {
            using var grpc = Grpc(process);
            while (!enough.IsCancellationRequested)
            {
                try
                {
                    var reply = await grpc.CallAsync(Calls.ConsumePath, subscription.Request(), ValidateConsumeResponse.Parser, Token);
                    if (reply.Code == GrpcCode.Ok)
                    {
                        Assert.True(reply.Message!.BaseResponse.Valid);
                        _answered.Add(reply.Message.BaseResponse.RequestId);
                    }
                }
                catch (Exception e) when (e is HttpRequestException or IOException)
                {
                    if (!Signals.IsAlive(process.Id))
                    {
                        return;
                    }
                    await Task.Delay(20, Token);
                }
            }
        }));

    private Task AnsweredAsync(PandoraProcess process, int count) =>
        Eventually.HoldsAsync(
            $"{count} answers",
            () => Task.FromResult(_answered.Count >= count),
            TimeSpan.FromSeconds(60),
            () => string.Join('\n', process.Output.Concat(process.Errors)));

    /// <summary>Every answered call is in the log, and the units gone are exactly the rows forwarded.</summary>
    private async Task BooksAgreeAfterRestartAsync()
    {
        await using var process = await PandoraProcess.StartReadyAsync(_folder.Path);
        using var rest = Rest(process);
        await rest.SignInAsync("Admin", Password);
        var logged = new List<string>();
        for (var page = "/requests?limit=1000"; page is not null;)
        {
            var answer = (await rest.GetAsync(page)).Expect(HttpStatusCode.OK);
            logged.AddRange(answer.Json.AsArray().Select(row => (string)row!["id"]!));
            page = answer.NextPage?["/api/v1".Length..];
        }
        var environment = (await rest.GetAsync("/environments")).Json[0]!;

        Assert.Empty(_answered.Except(logged));
        Assert.Equal(logged.Count, logged.Distinct().Count());
        Assert.Equal(Quota - logged.Count, (long)environment["services"]![0]!["available_requests"]!);
        Assert.Equal(0, await process.StopAsync());
    }

    private static RestClient Rest(PandoraProcess process) => new(new Uri($"http://127.0.0.1:{process.HttpPort}"));

    private static GrpcClient Grpc(PandoraProcess process) => new(new Uri($"http://127.0.0.1:{process.GrpcPort}"));

    private static async Task ConnectAsync(int port)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, Token);
    }
}
