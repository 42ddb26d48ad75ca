using System.Diagnostics;
using OpenTelemetry.Trace;

namespace Pandora.ServiceDefaults;

/// <summary>
/// Which traces are recorded. Without <c>OTEL_TRACES_SAMPLER</c>: a trace that began elsewhere is recorded if its caller
/// records it; of those that begin here every REST request, and of the checks <see cref="CallsPerSecond"/> a second.
/// Never recorded are statements that belong to no request.
/// </summary>
public sealed class TraceSampling
{
    /// <summary>Checks that begin a trace, for each node.</summary>
    public const int CallsPerSecond = 50;

    private const string ParentBased = "parentbased_";

    /// <summary>For traces that begin here. Null: all but calls, which are limited to a number a second.</summary>
    private readonly Sampler? _root;

    private readonly bool _followsParent;
    private readonly RateLimit _calls;

    private TraceSampling(Sampler? root, bool followsParent, TimeProvider time)
    {
        _root = root;
        _followsParent = followsParent;
        _calls = new RateLimit(CallsPerSecond, time);
    }

    /// <summary>What a node does of its own accord.</summary>
    public static TraceSampling Default(TimeProvider time) => new(root: null, followsParent: true, time);

    /// <summary>
    /// To be asked before a gRPC call's span is started, and only if its source has listeners: a span that is started
    /// costs as much as the call itself, recorded or not. One that is started is recorded.
    /// </summary>
    /// <param name="parent">What the caller sent; default if it sent nothing.</param>
    public bool Wants(in ActivityContext parent)
    {
        var isRoot = parent.TraceId == default;
        if (!isRoot && _followsParent)
        {
            return (parent.TraceFlags & ActivityTraceFlags.Recorded) != 0;
        }
        return _root is null
            ? _calls.TryTake()
            : IsChosen(_root, new SamplingParameters(default, isRoot ? ActivityTraceId.CreateRandom() : parent.TraceId, "", ActivityKind.Server));
    }

    /// <summary>The same for the SDK, which asks at the start of every span.</summary>
    internal Sampler AsSampler() => new Spans(this);

    /// <summary>Null: not one of the six names of the standard.</summary>
    /// <param name="ratio">For those that take a part: 0..1.</param>
    internal static TraceSampling? Named(string name, double ratio, TimeProvider time)
    {
        var followsParent = name.StartsWith(ParentBased, StringComparison.Ordinal);
        Sampler? root = name[(followsParent ? ParentBased.Length : 0)..] switch
        {
            "always_on" => new AlwaysOnSampler(),
            "always_off" => new AlwaysOffSampler(),
            "traceidratio" => new TraceIdRatioBasedSampler(ratio),
            _ => null,
        };
        return root is null ? null : new(root, followsParent, time);
    }

    private bool Wants(in SamplingParameters span)
    {
        var parent = span.ParentContext;
        var isRoot = parent.TraceId == default;
        if (span.Kind == ActivityKind.Server && span.Name != RequestSpans.OperationName)
        {
            return true; // a call of gRPC: asked for before it was started
        }
        if (span.Kind == ActivityKind.Client && isRoot)
        {
            return false;
        }
        if (!isRoot && (_followsParent || !parent.IsRemote))
        {
            return (parent.TraceFlags & ActivityTraceFlags.Recorded) != 0;
        }
        return _root is null || IsChosen(_root, span);
    }

    private static bool IsChosen(Sampler sampler, in SamplingParameters span) =>
        sampler.ShouldSample(span).Decision == SamplingDecision.RecordAndSample;

    /// <summary>The face that the SDK knows.</summary>
    private sealed class Spans(TraceSampling sampling) : Sampler
    {
        public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) =>
            new(sampling.Wants(samplingParameters));
    }
}
