using System.Net;
using System.Text.RegularExpressions;
using Grpc.Health.V1;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Operation;

/// <summary>What a container image relies on, proved with the process that runs in it.</summary>
public sealed partial class ContainerTests
{
    private const string NewPassword = "kept on the volume";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact, Checklist(64)]
    public async Task Without_a_database_password_the_process_ends_at_once_with_one_line_and_exit_code_1()
    {
        using var folder = new DataFolder();
        await using var process = PandoraProcess.Start(folder.Path, ("PANDORA_DB_PASSWORD", null));

        Assert.Equal(1, await process.EndAsync(seconds: 20));

        Assert.Contains("PANDORA_DB_PASSWORD", Assert.Single(process.Errors), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact, Checklist(66, 68)]
    public async Task A_process_made_anew_on_the_same_directory_and_other_ports_is_healthy_and_keeps_password_and_keys()
    {
        using var folder = new DataFolder();
        Subscription subscription;
        (int, int) ports;
        await using (var before = await PandoraProcess.StartReadyAsync(folder.Path))
        {
            ports = (before.HttpPort, before.GrpcPort);
            await ExpectHealthyAsync(before);
            using var rest = Rest(before);
            await rest.SignInAsync("Admin", Assert.Single(Passwords(before)));
            (await rest.PostAsync("/auth/change-password", new { new_password = NewPassword, confirm_password = NewPassword }))
                .Expect(HttpStatusCode.NoContent);
            subscription = await new Scenario(rest).SubscriptionAsync();
            Assert.Equal(0, await before.StopAsync());
        }

        await using var after = await PandoraProcess.StartReadyAsync(folder.Path);

        Assert.NotEqual(ports, (after.HttpPort, after.GrpcPort));
        await ExpectHealthyAsync(after);
        Assert.Empty(Passwords(after));
        using var restAfter = Rest(after);
        await restAfter.SignInAsync("Admin", NewPassword);
        using var grpc = Grpc(after);
        var check = await grpc.CallAsync(Calls.ConsumePath, subscription.Request(), ValidateConsumeResponse.Parser, Token);
        Assert.Equal((true, 99), (check.Message!.BaseResponse.Valid, check.Message.AvailableRequest));
        var scoped = await restAfter.PostAsync("/auth/reauthenticate", new { action = "REVEAL_API_KEY", password = NewPassword });
        restAfter.Token = scoped.Expect(HttpStatusCode.OK).Text("access_token");
        Assert.Equal(subscription.Secret, (await restAfter.GetAsync($"/api-keys/{subscription.Key}/reveal/key")).Text("key"));
        Assert.Equal(0, await after.StopAsync());
    }

    /// <summary>What the health check of an image asks, on the configured ports.</summary>
    private static async Task ExpectHealthyAsync(PandoraProcess process)
    {
        using var rest = Rest(process);
        Assert.Equal("OK", (await rest.GetAsync("/health")).Expect(HttpStatusCode.OK).Text("status"));
        using var grpc = Grpc(process);
        var reply = await grpc.CallAsync("/grpc.health.v1.Health/Check", new HealthCheckRequest(), HealthCheckResponse.Parser, Token);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, reply.Message!.Status);
    }

    private static List<string> Passwords(PandoraProcess process) =>
        [.. process.Output.Select(line => PasswordLine().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value)];

    private static RestClient Rest(PandoraProcess process) => new(new Uri($"http://127.0.0.1:{process.HttpPort}"));

    private static GrpcClient Grpc(PandoraProcess process) => new(new Uri($"http://127.0.0.1:{process.GrpcPort}"));

    [GeneratedRegex("^        - Password: ([A-Za-z0-9]{16})$")]
    private static partial Regex PasswordLine();
}
