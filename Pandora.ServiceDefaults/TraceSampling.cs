using System.Diagnostics;
using OpenTelemetry.Trace;

namespace Pandora.ServiceDefaults;

/// <summary>
/// Which traces are recorded. Without <c>OTEL_TRACES_SAMPLER</c>: a trace that began elsewhere is recorded if its caller
/// records it; of those that begin here every REST request, and of the checks <see cref="CallsPerSecond"/> a second.
/// Never recorded are health calls, and statements that belong to no request.
/// </summary>
public sealed class TraceSampling
{
    /// <summary>Checks that begin a trace, for each node.</summary>
    public const int CallsPerSecond = 50;

    private const string RestRequest = "Microsoft.AspNetCore.Hosting.HttpRequestIn";
    private const string HealthPath = "/api/v1/health";

    private readonly Rule _rule;
    private readonly double _ratio;
    private readonly bool _followsParent;
    private readonly RateLimit _calls;
    private readonly TraceIdRatioBasedSampler _byId;

    private TraceSampling(Rule rule, bool followsParent, double ratio, TimeProvider time)
    {
        _rule = rule;
        _ratio = ratio;
        _followsParent = followsParent;
        _calls = new RateLimit(CallsPerSecond, time);
        _byId = new TraceIdRatioBasedSampler(ratio);
    }

    private enum Rule
    {
        /// <summary>Everything but calls, which are limited to a number a second.</summary>
        Limited,
        All,
        None,

        /// <summary>A part of the traces, chosen by their ids.</summary>
        Part,
    }

    /// <summary>What a node does of its own accord.</summary>
    public static TraceSampling Default(TimeProvider time) => new(Rule.Limited, followsParent: true, ratio: 1, time);

    /// <summary>
    /// To be asked before a gRPC call's span is started, and only if its source has listeners: a span that is started
    /// costs as much as the call itself, recorded or not. One that is started is recorded.
    /// </summary>
    /// <param name="parent">What the caller sent; default if it sent nothing.</param>
    public bool Wants(in ActivityContext parent)
    {
        if (parent.TraceId != default)
        {
            return _followsParent
                ? (parent.TraceFlags & ActivityTraceFlags.Recorded) != 0
                : _rule == Rule.All || (_rule == Rule.Part && IsChosen(parent.TraceId));
        }
        return _rule switch
        {
            Rule.Limited => _calls.TryTake(),
            Rule.All => true,
            Rule.Part => Random.Shared.NextDouble() < _ratio,
            _ => false,
        };
    }

    /// <summary>The same for the SDK, which asks at the start of every span.</summary>
    internal Sampler AsSampler() => new Spans(this);

    /// <summary>Null: not one of the six names of the standard.</summary>
    /// <param name="ratio">For those that take a part: 0..1.</param>
    internal static TraceSampling? Named(string name, double ratio, TimeProvider time) => name switch
    {
        "always_on" => new(Rule.All, followsParent: false, ratio, time),
        "always_off" => new(Rule.None, followsParent: false, ratio, time),
        "traceidratio" => new(Rule.Part, followsParent: false, ratio, time),
        "parentbased_always_on" => new(Rule.All, followsParent: true, ratio, time),
        "parentbased_always_off" => new(Rule.None, followsParent: true, ratio, time),
        "parentbased_traceidratio" => new(Rule.Part, followsParent: true, ratio, time),
        _ => null,
    };

    private bool Wants(in SamplingParameters span)
    {
        var parent = span.ParentContext;
        var isRoot = parent.TraceId == default;
        if (span.Kind == ActivityKind.Server && span.Name != RestRequest)
        {
            return true; // a call of gRPC: asked for before it was started
        }
        if ((span.Kind == ActivityKind.Server && IsLeftOut(span)) || (span.Kind == ActivityKind.Client && isRoot))
        {
            return false;
        }
        if (!isRoot && (_followsParent || !parent.IsRemote))
        {
            return (parent.TraceFlags & ActivityTraceFlags.Recorded) != 0;
        }
        return _rule is Rule.All or Rule.Limited || (_rule == Rule.Part && IsChosen(span.TraceId));
    }

    private bool IsChosen(ActivityTraceId id) =>
        _byId.ShouldSample(new SamplingParameters(default, id, "", ActivityKind.Server)).Decision == SamplingDecision.RecordAndSample;

    /// <summary>Health; and calls of gRPC, which have spans of their own.</summary>
    private static bool IsLeftOut(in SamplingParameters span)
    {
        foreach (var (name, value) in span.Tags ?? [])
        {
            if (name == "url.path")
            {
                return value is string path
                    && (IsCall(path) || path.TrimEnd('/').Equals(HealthPath, StringComparison.OrdinalIgnoreCase));
            }
        }
        return false;
    }

    /// <summary>Whether it looks like <c>/package.Service/Method</c>.</summary>
    private static bool IsCall(string path) =>
        path.Length > 1 && path.IndexOf('/', 1) is > 0 and var slash && path.AsSpan(1, slash - 1).Contains('.');

    /// <summary>The face that the SDK knows.</summary>
    private sealed class Spans(TraceSampling sampling) : Sampler
    {
        public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) =>
            new(sampling.Wants(samplingParameters));
    }
}
