using Grpc.Health.V1;
using Pandora.Protos.ApiKey.V1;
using Pandora.Tests.Documentation;
using Pandora.Tests.Harness;
using Pandora.Tests.Operation;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Telemetry;

/// <summary>What a collector gets of calls: their spans, and the instruments of the node with all their measurements.</summary>
public sealed class ExportedCallTests(TestServer server)
{
    private const string Method = "api_key.v1.APIKeyService/ValidateConsume";
    private const string Source = "Pandora.Core";
    private const string Batch = "pandora.batch";
    private const string TraceId = "0af7651916cd43dd8448eb211c80319c";
    private const string ParentId = "b7ad6b7169203331";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Calls_arrive_as_spans_below_their_callers_and_in_every_figure_that_is_about_them()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        using var folder = new DataFolder();
        await using var process = await PandoraProcess.StartReadyAsync(
            folder.Path,
            ("ConnectionStrings__pandora", await server.CreateDatabaseAsync()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.GrpcEndpoint));
        using var rest = new RestClient(process.RestAddress);
        await rest.SignInAsync(TestAccount.Username, TestAccount.Password);
        var subscription = await new Scenario(rest).SubscriptionAsync(quota: 2);
        using var grpc = new GrpcClient(process.GrpcAddress);

        await ConsumeAsync(grpc, subscription, flags: "01");
        await ConsumeAsync(grpc, subscription, flags: "00");
        await ConsumeAsync(grpc, subscription, flags: null);
        await grpc.CallAsync("/grpc.health.v1.Health/Check", new HealthCheckRequest(), HealthCheckResponse.Parser, Token);
        Assert.Equal(0, await process.StopAsync());

        var spans = receiver.Spans.Where(span => span.Source == Source && span.Name != Batch).ToList();
        Assert.All(spans, span => Assert.Equal((Method, 2, 0), (span.Name, span.Kind, span.Status)));
        Assert.Equal(["allowed", "refused"], spans.Select(span => span.Attributes["pandora.check.outcome"]).Order());
        var followed = Assert.Single(spans, span => span.TraceId == TraceId);
        Assert.Equal((ParentId, "OK"), (followed.ParentId, followed.Attributes["rpc.response.status_code"]));
        var own = Assert.Single(spans, span => span.TraceId != TraceId);
        Assert.Equal(("", "QUOTA_EXCEEDED"), (own.ParentId, own.Attributes["pandora.check.reason"]));

        var batch = Assert.Single(receiver.Spans, span => span.Name == Batch && span.TraceId == TraceId);
        Assert.Equal((followed.SpanId, "1"), (batch.ParentId, batch.Attributes["pandora.batch.size"]));
        Assert.Contains(receiver.Spans, span => span.Source == "Npgsql" && (span.TraceId, span.ParentId) == (TraceId, batch.SpanId));

        Assert.Equal(2, Total(receiver, "pandora.checks", "allowed"));
        Assert.Equal(1, Total(receiver, "pandora.check.refusals", "QUOTA_EXCEEDED"));
        Assert.Equal(3, Last(receiver, "rpc.server.call.duration").Points.Sum(point => point.Count));
        ExpectDocumentedUnits(receiver);
        Assert.False(receiver.Holds(subscription.Secret));
        Assert.False(receiver.Holds(subscription.ServiceName));
    }

    private static Task<GrpcReply<ValidateConsumeResponse>> ConsumeAsync(GrpcClient grpc, Subscription subscription, string? flags) => grpc.CallAsync(
        Calls.ConsumePath, subscription.Request(), ValidateConsumeResponse.Parser, Token, message =>
        {
            if (flags is not null)
            {
                message.Headers.Add("traceparent", $"00-{TraceId}-{ParentId}-{flags}");
            }
        });

    private static ReceivedMetric Last(OtlpReceiver receiver, string name) =>
        receiver.Metrics.Last(metric => metric.Meter == Source && metric.Name == name);

    private static double Total(OtlpReceiver receiver, string name, string value) =>
        Last(receiver, name).Points.Where(point => point.Attributes.Values.Contains(value)).Sum(point => point.Value);

    private static void ExpectDocumentedUnits(OtlpReceiver receiver)
    {
        var units = MarkdownFile.Open("docs", "observability.md").Table("## Instruments")
            .ToDictionary(row => MarkdownFile.CodeIn(row[0]).Single(), row => MarkdownFile.CodeIn(row[2]).Single());
        var own = receiver.Metrics.Where(metric => metric.Meter == Source).ToList();

        Assert.NotEmpty(own);
        Assert.All(own, metric =>
        {
            Assert.Equal(units[metric.Name], metric.Unit);
            Assert.NotEmpty(metric.Description);
        });
    }
}
