using System.Net.Http.Headers;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using Pandora.Protos.ApiKey.V1;
using Pandora.Protos.Request.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Operation;

/// <summary>Whatever callers send and wherever they put it: the log and the telemetry of a node show no secret.</summary>
public sealed class SecretsInOutputTests
{
    private const string Report = "/request.v1.RequestService/UpdateExecutionStatus";
    private const string HeaderSecret = "s3cr3t-of-a-header";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Information"), InlineData("Trace")]
    public async Task The_log_and_the_telemetry_of_a_node_show_no_key_no_token_and_no_password(string level)
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        await using var database = await OwnServer.StartAsync();
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(
            folder.Path,
            ("ConnectionStrings__pandora", database.ConnectionString + ";Include Error Detail=true;Log Parameters=true"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.GrpcEndpoint),
            ("OTEL_TRACES_SAMPLER", "always_on"),
            ("Logging__LogLevel__Default", level),
            ("Logging__LogLevel__Microsoft", level == "Trace" ? level : null),
            ("Logging__LogLevel__Grpc", level == "Trace" ? level : null));
        using var rest = new RestClient(process.RestAddress);
        using var grpc = new GrpcClient(process.GrpcAddress);
        await rest.SignInAsync(TestAccount.Username, TestAccount.Password);
        var subscription = await new Scenario(rest).SubscriptionAsync();
        string[] secrets = [subscription.Secret, rest.Token!, rest.Token!.Split('.')[2], TestAccount.Password, HeaderSecret];

        await MisuseRestAsync(rest, subscription.Secret);
        await MisuseGrpcAsync(grpc, subscription);
        await database.StopAsync();
        await MisuseRestAsync(rest, subscription.Secret);
        await MisuseGrpcAsync(grpc, subscription);
        await database.ResumeFromStopAsync();
        await process.StopAsync();

        var output = string.Join('\n', [.. process.Output, .. process.Errors]);
        Assert.Contains("Pandora Core is ready", output, StringComparison.Ordinal);
        Assert.NotEmpty(receiver.Spans);
        Assert.All(secrets, secret =>
        {
            var line = output.Split('\n').FirstOrDefault(line => Secrets.CanBeRead(secret, line));
            Assert.True(line is null, line);
            Assert.False(receiver.Holds(secret));
        });
    }

    /// <summary>Secrets where they do not belong: paths, queries, headers, bodies, names of routes.</summary>
    private static async Task MisuseRestAsync(RestClient rest, string key)
    {
        foreach (var path in new[] { $"/api-keys/{key}", $"/{key}", $"/requests?search={key}&limit={key}", $"/clients?cursor={key}", $"/requests/{key}" })
        {
            await rest.GetAsync(path);
            await rest.GetAsync(path.Replace("_", "%5F"));
            await rest.DeleteAsync(path);
        }
        foreach (var body in new object[] { key, $"\"{key}\"", $"{{\"name\":\"{key}\"", new { name = key, version = key, type = key, client_id = key } })
        {
            await rest.PostAsync("/clients", body);
            await rest.PostAsync("/services", body);
            await rest.PostAsync("/auth/login", body);
        }
        await rest.PostAsync("/auth/login", new { username = key, password = key });
        await rest.PostAsync("/auth/login", new StringContent($"username={key}&password={HeaderSecret}", Encoding.UTF8, "application/x-www-form-urlencoded"));
        foreach (var credential in new[] { $"Bearer {key}", $"Bearer {rest.Token}x", $"Basic {Secrets.Base64($"Admin:{key}")}" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/clients");
            request.Headers.Authorization = AuthenticationHeaderValue.Parse(credential);
            request.Headers.Add("X-Api-Key", key);
            request.Headers.Add("Cookie", $"sid={HeaderSecret}");
            await rest.SendAsync(request);
        }
    }

    private static async Task MisuseGrpcAsync(GrpcClient grpc, Subscription subscription)
    {
        var request = subscription.Request();
        var key = subscription.Secret;
        request.Request.Path = $"/{key}";
        request.Request.Metadata = new RequestMetadata { Headers = $"Authorization: {HeaderSecret}", Body = key, QueryParams = key, Cookies = key };
        var reply = await grpc.CallAsync(Calls.ConsumePath, request, ValidateConsumeResponse.Parser, Token);
        var report = new UpdateExecutionStatusRequest
        {
            Id = reply.Message?.BaseResponse.RequestId ?? key,
            ExecutionStatus = "server_error",
            StatusCode = 502,
            Detail = key,
        };
        await grpc.CallAsync(Report, report, Empty.Parser, Token, message => message.Headers.Add("x-api-key", key));

        request.Request.Method = key;
        request.Request.IpAddress = key;
        request.IdempotencyKey = $"\0{key}";
        var refused = await grpc.CallAsync(Calls.ConsumePath, request, ValidateConsumeResponse.Parser, Token);
        Assert.DoesNotContain(key, refused.StatusText, StringComparison.Ordinal);
        report.Id = report.ExecutionStatus = key;
        var unread = await grpc.CallAsync(Report, report, Empty.Parser, Token);
        Assert.DoesNotContain(key, unread.StatusText, StringComparison.Ordinal);
        await grpc.SendAsync($"/{key}/Validate", GrpcClient.Frame(request), Token);
        await grpc.SendAsync(Calls.ConsumePath, GrpcClient.Frame(Encoding.UTF8.GetBytes(key)), Token);
        await grpc.SendAsync(Calls.ConsumePath, Encoding.UTF8.GetBytes(key), Token);
    }
}
