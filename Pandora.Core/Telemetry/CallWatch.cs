using System.Diagnostics;
using Pandora.ServiceDefaults;

namespace Pandora.Core.Telemetry;

/// <summary>A method whose calls are watched.</summary>
/// <param name="name">As the conventions want it, such as <c>api_key.v1.APIKeyService/Validate</c>.</param>
internal sealed class WatchedMethod(string name)
{
    public string Name => name;

    /// <summary>What a sampler may see of a call before it begins.</summary>
    public KeyValuePair<string, object?>[] Tags { get; } = [new(RpcTags.System, RpcTags.Grpc), new(RpcTags.Method, name)];
}

/// <summary>
/// Watches gRPC calls: measures how long each takes, and makes it a span if its trace is followed. Without listeners it
/// does nothing.
/// </summary>
internal sealed class CallWatch(NodeMeters meters, TraceSampling sampling)
{
    // Spans need no source of each node: they are told apart by their traces.
    private static readonly ActivitySource Source = new(NodeMeters.Name);

    private const string BatchName = "pandora.batch";

    /// <summary>Whether anybody listens.</summary>
    public bool IsNeeded => meters.TimesCalls || Source.HasListeners();

    /// <param name="traceParent">Of the caller. Null or unreadable: the call begins a trace of its own.</param>
    public WatchedCall Begin(WatchedMethod method, string? traceParent, string? traceState)
    {
        var span = Source.HasListeners() ? StartSpan(method, traceParent, traceState) : null;
        return new WatchedCall(method, span, meters.TimesCalls ? Stopwatch.GetTimestamp() : 0);
    }

    /// <param name="call">Default: one that is not watched.</param>
    /// <param name="status">A status code by its name.</param>
    /// <param name="isFault">Whether the server is to blame for it.</param>
    public void End(WatchedCall call, string status, bool isFault)
    {
        if (call.StartedAt != 0)
        {
            meters.Called(call.Method.Name, status, isFault ? status : null, Stopwatch.GetElapsedTime(call.StartedAt));
        }
        if (call.Span is { } span)
        {
            span.SetTag(RpcTags.Status, status);
            if (isFault)
            {
                span.SetTag("error.type", status);
                span.SetStatus(ActivityStatusCode.Error);
            }
            span.Dispose();
        }
    }

    /// <summary>Tells the span of the call that is running, if there is one, how its check ended.</summary>
    /// <param name="reason">A failure code. "": the key may pass.</param>
    /// <param name="requestId">Of its log row.</param>
    public static void Answered(string reason, Guid requestId)
    {
        if (Current() is not { } span)
        {
            return;
        }
        span.SetTag("pandora.check.outcome", reason.Length == 0 ? "allowed" : "refused");
        span.SetTag("pandora.request.id", requestId.ToString());
        if (reason.Length > 0)
        {
            span.SetTag("pandora.check.reason", reason);
        }
    }

    /// <summary>The span of the call that is running, for those who go on with it elsewhere. Null: it is not recorded.</summary>
    public static Activity? Current() =>
        Source.HasListeners() && Activity.Current is { IsAllDataRequested: true } span && span.Source == Source ? span : null;

    /// <summary>
    /// Begins the span of what is done for several calls at once; the statements it takes become spans below it. It stands
    /// in the trace of the first recorded call and refers to the others.
    /// </summary>
    /// <param name="calls">The recorded ones, at least one.</param>
    /// <param name="size">Of the batch, with those that are not recorded.</param>
    public static Activity? StartBatch(IReadOnlyList<Activity> calls, int size) => Source.StartActivity(
        BatchName,
        ActivityKind.Internal,
        calls[0].Context,
        [new("pandora.batch.size", size)],
        calls.Skip(1).Select(call => new ActivityLink(call.Context)));

    private Activity? StartSpan(WatchedMethod method, string? traceParent, string? traceState)
    {
        ActivityContext.TryParse(traceParent, traceState, isRemote: true, out var parent);
        // Asked first: a span that nobody records would cost more than all else that is done here.
        return sampling.Wants(parent) ? Source.StartActivity(method.Name, ActivityKind.Server, parent, method.Tags) : null;
    }
}

/// <summary>A call under way.</summary>
/// <param name="Span">Null: its trace is not followed.</param>
/// <param name="StartedAt">By the stopwatch. 0: it is not timed.</param>
internal readonly record struct WatchedCall(WatchedMethod Method, Activity? Span, long StartedAt);
