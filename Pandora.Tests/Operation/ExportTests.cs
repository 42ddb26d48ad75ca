using System.Net;
using Npgsql;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Operation;

/// <summary>What the built product sends to a collector, and that no collector can disturb it.</summary>
public sealed class ExportTests(TestServer server)
{
    private const string RestSource = "Pandora.Core.Rest";
    private const string OtlpKey = "key-of-the-dashboard";
    private const string HealthRoute = "/api/v1/health";
    private const string Never = "600000";

    private const int ServerKind = 2;
    private const int ErrorStatus = 2;

    [Theory]
    [InlineData("grpc", "HTTP/2"), InlineData("http/protobuf", "HTTP/1.1")]
    public async Task Started_with_all_that_Aspire_sets_it_works_and_exports_without_a_secret(string protocol, string transport)
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        var database = new NpgsqlConnectionStringBuilder(await server.CreateDatabaseAsync());
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(
            folder.Path, [.. OfAspire(database), .. OfTheDashboard(receiver, protocol)]);
        using var rest = new RestClient(process.RestAddress);
        await rest.SignInAsync(TestAccount.Username, TestAccount.Password);
        var subscription = await new Scenario(rest).SubscriptionAsync();
        (await rest.GetAsync($"/clients/{subscription.Client}")).Expect(HttpStatusCode.OK);
        await rest.GetAsync($"/api-keys/{subscription.Secret}");
        await rest.GetAsync($"/{subscription.Secret}");
        (await rest.GetAsync("/health")).Expect(HttpStatusCode.OK);
        await ConsumeAsync(process, subscription);

        await receiver.UntilAsync("all three signals", arrived =>
            Route(arrived.Spans, "GET /api/v1/clients/{id}").Any()
            && arrived.Metrics.Any(metric => metric.Name == "http.server.request.duration")
            && arrived.Logs.Any(log => log.Attributes.GetValueOrDefault("event.id") == "1001"));
        Assert.Equal(0, await process.StopAsync());

        Assert.Empty(process.Errors);
        Assert.DoesNotContain(process.Output, line => line.Contains(" has no effect", StringComparison.Ordinal));
        Assert.All(receiver.Exports, export =>
        {
            Assert.Equal((transport, OtlpKey), (export.Protocol, export.Headers["x-otlp-api-key"]));
            Assert.Equal(protocol == "grpc" ? "application/grpc" : "application/x-protobuf", export.ContentType);
        });
        ExpectResource(receiver);
        ExpectSpans(receiver, subscription);
        ExpectMetrics(receiver);
        Assert.Contains(receiver.Logs, log => log.Attributes.GetValueOrDefault("event.id") == "1002"); // the very last line
        ExpectNoSecret(receiver, subscription.Secret, TestAccount.Password, rest.Token!, rest.Token!.Split('.')[2], database.Password!, "Bearer");
        Assert.False(receiver.Holds(OtlpKey, "x-otlp-api-key"));
    }

    [Fact]
    public async Task What_is_left_is_sent_when_it_is_stopped()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(
            folder.Path,
            ("ConnectionStrings__pandora", await server.CreateDatabaseAsync()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.GrpcEndpoint),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_BSP_SCHEDULE_DELAY", Never), ("OTEL_BLRP_SCHEDULE_DELAY", Never), ("OTEL_METRIC_EXPORT_INTERVAL", Never));
        using var rest = new RestClient(process.RestAddress);
        await rest.GetAsync("/clients");
        Assert.Empty(receiver.Exports);

        Assert.Equal(0, await process.StopAsync());

        Assert.All(receiver.Exports, export => Assert.True(export.IsCompressed));
        var span = Assert.Single(receiver.Spans, span => span.Source == RestSource);
        Assert.Equal(("GET /api/v1/clients", "401"), (span.Name, span.Attributes["http.response.status_code"]));
        Assert.Equal("pandora-core", span.Resource["service.name"]);
        Assert.Contains(receiver.Metrics, metric => metric.Name == "http.server.request.duration");
        Assert.Contains(receiver.Logs, log => log.Attributes.GetValueOrDefault("event.id") == "1002");
    }

    [Fact]
    public async Task A_fault_of_the_server_is_an_error_of_its_span()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        await using var database = await OwnServer.StartAsync();
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(
            folder.Path, ("ConnectionStrings__pandora", database.ConnectionString), ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.GrpcEndpoint));
        using var rest = new RestClient(process.RestAddress);
        await rest.SignInAsync(TestAccount.Username, TestAccount.Password);
        await database.StopAsync();

        (await rest.GetAsync("/clients")).Expect(HttpStatusCode.ServiceUnavailable);
        await process.StopAsync();

        var span = Assert.Single(Route(receiver.Spans, "GET /api/v1/clients"));
        Assert.Equal((ErrorStatus, "503", "503"), (span.Status, span.Attributes["error.type"], span.Attributes["http.response.status_code"]));
        await database.ResumeFromStopAsync();
    }

    [Theory]
    [InlineData(null, "01", true), InlineData(null, "00", false)]
    [InlineData("always_on", "00", true), InlineData("parentbased_always_off", "01", true), InlineData("always_off", "01", false)]
    public async Task A_trace_that_began_elsewhere_is_followed_unless_the_sampler_says_otherwise(string? sampler, string flags, bool isRecorded)
    {
        const string trace = "0af7651916cd43dd8448eb211c80319c";
        await using var receiver = await OtlpReceiver.StartAsync();
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(
            folder.Path,
            ("ConnectionStrings__pandora", await server.CreateDatabaseAsync()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.HttpEndpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_TRACES_SAMPLER", sampler));
        using var rest = new RestClient(process.RestAddress);
        foreach (var path in new[] { "/api/v1/clients", HealthRoute })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Add("traceparent", $"00-{trace}-b7ad6b7169203331-{flags}");
            await rest.SendAsync(request);
        }

        await process.StopAsync();

        Assert.NotEmpty(receiver.Metrics);
        Assert.Equal(isRecorded ? [trace] : [], receiver.Spans.Where(span => span.Source == RestSource).Select(span => span.TraceId));
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task A_collector_that_is_away_or_never_answers_disturbs_nothing(bool isThere)
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        receiver.IsSilent = true;
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(
            folder.Path,
            ("ConnectionStrings__pandora", await server.CreateDatabaseAsync()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", isThere ? receiver.GrpcEndpoint : $"http://127.0.0.1:{PandoraProcess.FreePorts().Http}"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "300"),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"), ("OTEL_BLRP_SCHEDULE_DELAY", "50"), ("OTEL_METRIC_EXPORT_INTERVAL", "50"));
        using var rest = new RestClient(process.RestAddress);
        await rest.SignInAsync(TestAccount.Username, TestAccount.Password);
        var subscription = await new Scenario(rest).SubscriptionAsync();
        await process.UntilAsync(line => line.Contains("Telemetry could not be exported", StringComparison.Ordinal), "a line about it");

        await ConsumeAsync(process, subscription);
        (await rest.GetAsync("/clients")).Expect(HttpStatusCode.OK);

        Assert.Equal(0, await process.StopAsync());
        Assert.Single(process.Output, line => line.Contains("Telemetry could not be exported", StringComparison.Ordinal));
        Assert.Empty(process.Errors);
    }

    [Fact]
    public async Task A_collector_that_is_silent_with_the_limits_of_the_standard_does_not_delay_the_end()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        receiver.IsSilent = true;
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(
            folder.Path, ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.GrpcEndpoint)); // with a private database to stop as well

        Assert.Equal(0, await process.StopAsync()); // within 9 s
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "x", false)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", false)]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", true)]
    [InlineData("OTEL_EXPORTER_OTLP_HEADERS", "hidden", true)]
    [InlineData("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", true)]
    [InlineData("OTEL_EXPORTER_OTLP_TIMEOUT", "600001", true)]
    [InlineData("OTEL_SDK_DISABLED", "maybe", true)]
    [InlineData("OTEL_BSP_SCHEDULE_DELAY", "-1", true)]
    [InlineData("OTEL_TRACES_SAMPLER", "sometimes", true)]
    [InlineData("OTEL_TRACES_SAMPLER_ARG", "2", true)]
    [InlineData("OTEL_LOGS_EXPORTER", "console", true)]
    public async Task A_variable_that_is_not_understood_is_one_warning_and_no_obstacle(string name, string value, bool exports)
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(
            folder.Path,
            ("ConnectionStrings__pandora", await server.CreateDatabaseAsync()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.GrpcEndpoint), (name, value));

        Assert.Equal(0, await process.StopAsync());

        var line = Assert.Single(process.Output, line => line.Contains("OTEL_", StringComparison.Ordinal));
        Assert.Contains($"warn: Pandora.Core[1000] {name} is ", line, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", line, StringComparison.Ordinal);
        Assert.Equal(exports, receiver.Logs.Count > 0);
    }

    private static IEnumerable<ReceivedSpan> Route(IEnumerable<ReceivedSpan> spans, string name) =>
        spans.Where(span => span.Source == RestSource && span.Name == name);

    private static void ExpectResource(OtlpReceiver receiver) =>
        Assert.All(
            [.. receiver.Spans.Select(span => span.Resource), .. receiver.Metrics.Select(metric => metric.Resource), .. receiver.Logs.Select(log => log.Resource)],
            resource => Assert.Equal(("core", "abcdefgh"), (resource["service.name"], resource["service.instance.id"])));

    private static void ExpectSpans(OtlpReceiver receiver, Subscription subscription)
    {
        var spans = receiver.Spans;
        var read = Assert.Single(Route(spans, "GET /api/v1/clients/{id}"));
        Assert.Equal(
            (ServerKind, 0, "GET", "/api/v1/clients/{id}", "200", $"/api/v1/clients/{subscription.Client}"),
            (read.Kind, read.Status, read.Attributes["http.request.method"], read.Attributes["http.route"],
                read.Attributes["http.response.status_code"], read.Attributes["url.path"]));
        Assert.Contains(spans, span => span.Source == "Npgsql" && span.TraceId == read.TraceId && span.ParentId.Length > 0);
        Assert.DoesNotContain(spans, span => span.Source == "Npgsql" && span.ParentId.Length == 0);
        Assert.DoesNotContain(spans, span => span.Attributes.Values.Contains(HealthRoute));

        // gRPC's spans are not the host's.
        Assert.All(spans.Where(span => span.Source == RestSource), span => Assert.DoesNotContain("v1.", span.Name, StringComparison.Ordinal));
        Assert.Equal("/api/v1/api-keys/*", Assert.Single(Route(spans, "GET /api/v1/api-keys/{id}")).Attributes["url.path"]);
        Assert.Equal("/*", Assert.Single(Route(spans, "GET")).Attributes["url.path"]);
    }

    private static void ExpectMetrics(OtlpReceiver receiver)
    {
        var metrics = receiver.Metrics;
        var requests = metrics.Where(metric => metric.Name == "http.server.request.duration").SelectMany(metric => metric.Points).ToList();
        Assert.All(requests, request => Assert.Equal("1.1", request.Attributes["network.protocol.version"])); // and no call of gRPC
        var routes = requests.Select(point => point.Attributes.GetValueOrDefault("http.route")).ToList();
        Assert.Contains("/api/v1/clients/{id}", routes);
        Assert.DoesNotContain(HealthRoute, routes);
        Assert.Equal(
            ["administration", "gate", "reports"],
            metrics.Where(metric => metric.Name == "db.client.operation.duration").SelectMany(metric => metric.Points)
                .Select(point => point.Attributes["db.client.connection.pool.name"]).Distinct().Where(name => name != "migrations").Order());
        Assert.Superset(
            new HashSet<string> { "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "Microsoft.AspNetCore.Routing", "System.Runtime", "Npgsql" },
            metrics.Select(metric => metric.Meter).ToHashSet());
        Assert.DoesNotContain(metrics, metric => metric.Name == "kestrel.queued_requests");
    }

    private static void ExpectNoSecret(OtlpReceiver receiver, params string[] secrets) =>
        Assert.DoesNotContain(secrets, secret => receiver.Holds(secret));

    private static async Task ConsumeAsync(PandoraProcess process, Subscription subscription)
    {
        using var grpc = new GrpcClient(process.GrpcAddress);
        var reply = await grpc.CallAsync(
            Calls.ConsumePath, subscription.Request(), ValidateConsumeResponse.Parser, TestContext.Current.CancellationToken);
        Assert.True(reply.Message?.BaseResponse.Valid, reply.StatusText);
    }

    /// <summary>Beside the connection string of a resource named "pandora", to a project in Development.</summary>
    private static (string, string?)[] OfAspire(NpgsqlConnectionStringBuilder database) =>
    [
        ("PANDORA_DB_PASSWORD", null),
        ("ConnectionStrings__pandora", database.ConnectionString),
        ("PANDORA_HOST", "localhost"), ("PANDORA_PORT", "5432"), ("PANDORA_USERNAME", database.Username), ("PANDORA_PASSWORD", database.Password),
        ("PANDORA_URI", "postgresql://pandora:secret@localhost:5432/pandora"),
        ("PANDORA_JDBCCONNECTIONSTRING", "jdbc:postgresql://localhost:5432/pandora"), ("PANDORA_DATABASENAME", "pandora"),
        ("LOGGING__CONSOLE__FORMATTERNAME", "simple"), ("SSL_CERT_DIR", "/nowhere"), ("DOTNET_LAUNCH_PROFILE", "Pandora.Core"),
        ("ASPNETCORE_ENVIRONMENT", "Development"), ("DOTNET_ENVIRONMENT", "Development"),
    ];

    private static (string, string?)[] OfTheDashboard(OtlpReceiver receiver, string protocol) =>
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", protocol == "grpc" ? receiver.GrpcEndpoint : receiver.HttpEndpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol), ("OTEL_EXPORTER_OTLP_HEADERS", $"x-otlp-api-key={OtlpKey}"),
        ("OTEL_SERVICE_NAME", "core"), ("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=abcdefgh"),
        ("OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY", "in_memory"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "1000"), ("OTEL_BSP_SCHEDULE_DELAY", "1000"), ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
        ("OTEL_TRACES_SAMPLER", "always_on"), ("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true"),
        ("OTEL_DOTNET_EXPERIMENTAL_ASPNETCORE_DISABLE_URL_QUERY_REDACTION", "true"),
        ("OTEL_DOTNET_EXPERIMENTAL_HTTPCLIENT_DISABLE_URL_QUERY_REDACTION", "true"),
    ];
}
