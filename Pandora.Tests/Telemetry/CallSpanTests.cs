using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.Extensions.DependencyInjection;
using Pandora.Core.Telemetry;
using Pandora.Protos.ApiKey.V1;
using Pandora.Protos.Request.V1;
using Pandora.ServiceDefaults;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.Tests.Telemetry;

/// <summary>A gRPC call is one span of its caller's trace, and says nothing about keys.</summary>
public sealed class CallSpanTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>, IDisposable
{
    private const string Batch = "pandora.batch";
    private const string ReportPath = "/request.v1.RequestService/UpdateExecutionStatus";

    private readonly ActivityTraceId _trace = ActivityTraceId.CreateRandom();
    private readonly ActivitySpanId _parent = ActivitySpanId.CreateRandom();
    private readonly ConcurrentQueue<Activity> _spans = new();
    private ActivityListener? _listener;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private TestNode Node => pandora.Node;

    private List<Activity> CallSpans => [.. _spans.Where(span => span.OperationName != Batch)];

    public void Dispose() => _listener?.Dispose();

    [Fact]
    public async Task A_check_is_one_span_below_its_callers_with_its_outcome_and_the_id_of_its_log_row()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 1);
        Listen();

        var allowed = (await CallAsync(Calls.ConsumePath, subscription.Request(), ValidateConsumeResponse.Parser)).Message!;
        var refused = (await CallAsync(Calls.ConsumePath, subscription.Request(), ValidateConsumeResponse.Parser)).Message!;

        Assert.Equal(2, CallSpans.Count);
        Assert.All(CallSpans, span =>
        {
            Assert.Equal(("api_key.v1.APIKeyService/ValidateConsume", ActivityKind.Server), (span.OperationName, span.Kind));
            Assert.Equal((_trace, _parent, "vendor=1"), (span.TraceId, span.ParentSpanId, span.TraceStateString));
            Assert.Equal("grpc", span.GetTagItem("rpc.system.name"));
            Assert.Equal("api_key.v1.APIKeyService/ValidateConsume", span.GetTagItem("rpc.method"));
            Assert.Equal("OK", span.GetTagItem("rpc.response.status_code"));
            Assert.Equal(ActivityStatusCode.Unset, span.Status);
            Assert.True(span.Duration > TimeSpan.Zero);
        });
        Assert.Equal(
            [("allowed", null, allowed.BaseResponse.RequestId), ("refused", "QUOTA_EXCEEDED", refused.BaseResponse.RequestId)],
            CallSpans.Select(span => (
                (string?)span.GetTagItem("pandora.check.outcome"),
                (string?)span.GetTagItem("pandora.check.reason"),
                (string?)span.GetTagItem("pandora.request.id"))));
    }

    [Fact]
    public async Task Checks_that_are_committed_together_share_the_span_of_their_batch()
    {
        const int together = 3;
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);
        await Node.ConsumeAsync(subscription.Request()); // from now on all take the same lane
        using var figures = new NodeFigures(Node);
        Listen();

        Task<GrpcReply<ValidateConsumeResponse>>[] replies;
        await using (await RowLock.OnCounterAsync(Node, subscription))
        {
            var first = CallAsync(Calls.ConsumePath, subscription.Request(), ValidateConsumeResponse.Parser);
            await Eventually.HoldsAsync("it waits for the row", async () => await Node.ScalarAsync<long>(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1);
            replies =
            [
                first,
                .. Enumerable.Range(0, together).Select(_ => CallAsync(Calls.ConsumePath, subscription.Request(), ValidateConsumeResponse.Parser)),
            ];
            await Eventually.HoldsAsync("the others wait behind it", () => Task.FromResult(figures.Now("pandora.check.waiting") == together));
        }
        await Task.WhenAll(replies);

        var batches = _spans.Where(span => span.OperationName == Batch).ToList();
        Assert.Contains(batches, span => span.Links.Count() == together - 1);
        Assert.All(batches, span => Assert.Equal(1 + span.Links.Count(), span.GetTagItem("pandora.batch.size")));
        Assert.Equal(
            CallSpans.Select(span => span.SpanId).ToHashSet(),
            batches.SelectMany(span => span.Links.Select(link => link.Context.SpanId).Append(span.ParentSpanId)).ToHashSet());
    }

    [Fact]
    public async Task No_span_bears_the_key_or_a_name()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        Listen();

        var answer = (await CallAsync(Calls.ValidatePath, subscription.Request(), ValidateResponse.Parser)).Message!;

        Assert.Equal(2, _spans.Count);
        string[] secrets =
        [
            subscription.Secret, subscription.Secret[^8..], subscription.ServiceName,
            answer.Project.Name, answer.Client.Name, answer.Environment.Name, "/orders", "192.0.2.7",
        ];
        Assert.DoesNotContain(_spans.SelectMany(span => span.TagObjects), tag => secrets.Any(secret => $"{tag.Value}".Contains(secret, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Reports_and_faults_of_input_are_spans_and_no_errors_but_health_and_reflection_are_none()
    {
        Listen();

        var report = new UpdateExecutionStatusRequest { Id = Guid.CreateVersion7().ToString(), ExecutionStatus = "success", StatusCode = 200 };
        Assert.Equal(StatusCode.NotFound, (await CallAsync(ReportPath, report, Empty.Parser)).Code);
        Assert.Equal(StatusCode.InvalidArgument, (await CallAsync(Calls.ValidatePath, new ValidateRequest(), ValidateResponse.Parser)).Code);
        Assert.Equal(StatusCode.OK, (await CallAsync("/grpc.health.v1.Health/Check", new HealthCheckRequest(), HealthCheckResponse.Parser)).Code);

        Assert.Equal(
            [("request.v1.RequestService/UpdateExecutionStatus", "NOT_FOUND"), ("api_key.v1.APIKeyService/Validate", "INVALID_ARGUMENT")],
            _spans.Select(span => (span.OperationName, (string?)span.GetTagItem("rpc.response.status_code"))));
        Assert.All(_spans, span => Assert.Equal(ActivityStatusCode.Unset, span.Status));
    }

    [Fact]
    public async Task What_the_server_is_to_blame_for_is_an_error()
    {
        Listen();
        await using var node = await TestNode.StartAsync(await pandora.Server.CreateDatabaseAsync(), pandora.Clock);
        await node.ExecuteAsync("ALTER TABLE request ADD CONSTRAINT refuse_all CHECK (path = 'secret')");
        var check = new ValidateRequest
        {
            ApiKey = "nobody's",
            ServiceName = "service",
            ServiceVersion = "1",
            Request = new Request { Path = "/", Method = "GET", IpAddress = "::1" },
        };

        var reply = await node.Grpc.CallAsync(Calls.ValidatePath, check, ValidateResponse.Parser, Token, Trace("01"));

        Assert.Equal(StatusCode.Internal, reply.Code);
        var span = Assert.Single(CallSpans);
        Assert.Equal((ActivityStatusCode.Error, null), (span.Status, span.StatusDescription));
        Assert.Equal(("INTERNAL", "INTERNAL"), (span.GetTagItem("rpc.response.status_code"), span.GetTagItem("error.type")));
    }

    [Fact]
    public async Task A_trace_that_the_caller_does_not_record_gets_no_span()
    {
        var subscription = await pandora.Scenario.SubscriptionAsync();
        Listen();

        var reply = await Node.Grpc.CallAsync(
            Calls.ValidatePath, subscription.Request(), ValidateResponse.Parser, Token, Trace("00"));

        Assert.True(reply.Message!.Valid);
        Assert.Empty(_spans);
    }

    [Fact]
    public void A_call_that_is_not_recorded_allocates_nothing()
    {
        const int calls = 100_000;
        Listen();
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var watch = new CallWatch(
            new NodeMeters(services.GetRequiredService<IMeterFactory>()), TraceSampling.Default(TimeProvider.System));
        var method = new WatchedMethod("api_key.v1.APIKeyService/Validate");
        MakeCall(watch, method);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < calls; i++)
        {
            MakeCall(watch, method);
        }

        // Some are recorded: so many a second.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, calls);
    }

    private static void MakeCall(CallWatch watch, WatchedMethod method) =>
        watch.End(watch.Begin(method, traceParent: null, traceState: null), "OK", isFault: false);

    private void Listen()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == NodeMeters.Name,
            Sample = (ref options) =>
                options.Parent.TraceId == _trace ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
            ActivityStopped = span =>
            {
                if (span.TraceId == _trace)
                {
                    _spans.Enqueue(span);
                }
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    private Task<GrpcReply<T>> CallAsync<T>(string path, Google.Protobuf.IMessage request, Google.Protobuf.MessageParser<T> parser)
        where T : class, Google.Protobuf.IMessage<T> =>
        Node.Grpc.CallAsync(path, request, parser, Token, Trace("01"));

    /// <param name="flags">01: the caller records the trace.</param>
    private Action<HttpRequestMessage> Trace(string flags) => message =>
    {
        message.Headers.Add("traceparent", $"00-{_trace}-{_parent}-{flags}");
        message.Headers.Add("tracestate", "vendor=1");
    };
}
