using System.Collections;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Pandora.ServiceDefaults;

/// <summary>
/// The standard's variables, <c>OTEL_…</c>. They are not the product's own: one that is not understood draws a warning and
/// counts as unset, because no fault of telemetry may keep a node from serving.
/// </summary>
/// <param name="Values">Those that are set and understood.</param>
/// <param name="Warnings">One line for each that is not, without the value of one that may be a secret.</param>
internal sealed record TelemetryVariables(Dictionary<string, string?> Values, List<string> Warnings)
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string Disabled = "OTEL_SDK_DISABLED";
    private const string Url = "a URL such as http://collector:4317";

    // An export that may take hours would fail without a word.
    private const int LongestMilliseconds = 600_000;

    /// <summary>Variables, what they accept, and whether a text is that. What is not listed is left to the SDK.</summary>
    private static readonly (Regex Name, string Accepted, Func<string, bool> IsAccepted)[] Rules =
    [
        (Named(Disabled), "true or false", text => bool.TryParse(text, out _)),
        (Named(Endpoint), $"{Url}; nothing is exported", IsUrl),
        (Named("OTEL_EXPORTER_OTLP_(TRACES|METRICS|LOGS)_ENDPOINT"), Url, IsUrl),
        (Named("OTEL_EXPORTER_OTLP_(.+_)?PROTOCOL"), "grpc or http/protobuf", text => text is "grpc" or "http/protobuf"),
        (Named("OTEL_EXPORTER_OTLP_(.+_)?COMPRESSION"), "gzip or none", text => text is "gzip" or "none"),
        (Named("OTEL_EXPORTER_OTLP_(.+_)?HEADERS"), "name=value,name=value", AreHeaders),
        (Named("OTEL_(EXPORTER_OTLP|BSP_EXPORT|BLRP_EXPORT|METRIC_EXPORT|EXPORTER_OTLP_.+)_TIMEOUT"), "milliseconds from 1 to 600000",
            text => IsNumber(text, LongestMilliseconds)),
        (Named("OTEL_(BSP|BLRP)_(SCHEDULE_DELAY|MAX_QUEUE_SIZE|MAX_EXPORT_BATCH_SIZE)|OTEL_METRIC_EXPORT_INTERVAL"), "a whole number of at least 1",
            text => IsNumber(text, int.MaxValue)),
        (Named("OTEL_TRACES_SAMPLER_ARG"), "a number from 0 to 1", text => RatioIn(text) is >= 0 and <= 1),
        (Named("OTEL_TRACES_SAMPLER"),
            "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio",
            text => TraceSampling.Named(text, ratio: 1, TimeProvider.System) is not null),
        (Named("OTEL_(TRACES|METRICS|LOGS)_EXPORTER"), "otlp or none", text => text is "otlp" or "none"),
    ];

    /// <summary>Whether anything is to be exported at all.</summary>
    public bool IsOn => Values.ContainsKey(Endpoint) && !IsDisabled(Values);

    /// <summary>Set but empty counts as unset. Where nothing is to be exported the others have no effect and are not judged.</summary>
    public static TelemetryVariables OfProcess()
    {
        var values = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Where(variable => ((string)variable.Key).StartsWith("OTEL_", StringComparison.Ordinal) && variable.Value is string { Length: > 0 })
            .ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value);
        var faults = (
            from variable in values
            from rule in Rules
            where rule.Name.IsMatch(variable.Key) && !rule.IsAccepted(variable.Value!)
            select (variable.Key, Value: variable.Value!, rule.Accepted)).ToList();
        if (IsDisabled(values) || !values.TryGetValue(Endpoint, out var endpoint))
        {
            faults.RemoveAll(fault => fault.Key != Disabled);
        }
        else if (!IsUrl(endpoint!))
        {
            faults.RemoveAll(fault => fault.Key is not (Disabled or Endpoint));
        }
        faults.ForEach(fault => values.Remove(fault.Key));
        return new(values, faults.ConvertAll(fault =>
            $"{fault.Key} is {(fault.Key.EndsWith("HEADERS", StringComparison.Ordinal) ? "not understood" : $"\"{OneLine.Of(fault.Value)}\"")} and has no effect; accepted is {fault.Accepted}."));
    }

    /// <param name="signal"><c>TRACES</c>, <c>METRICS</c> or <c>LOGS</c>.</param>
    public bool Exports(string signal) => Values.GetValueOrDefault($"OTEL_{signal}_EXPORTER") is not "none";

    /// <summary>What the operator chose, or else the product's own.</summary>
    public TraceSampling Sampling(TimeProvider time) =>
        IsOn && Values.TryGetValue("OTEL_TRACES_SAMPLER", out var name)
            ? TraceSampling.Named(name!, RatioIn(Values.GetValueOrDefault("OTEL_TRACES_SAMPLER_ARG")) ?? 1, time)!
            : TraceSampling.Default(time);

    private static Regex Named(string pattern) => new($"^({pattern})$", RegexOptions.CultureInvariant);

    private static bool IsDisabled(Dictionary<string, string?> values) =>
        bool.TryParse(values.GetValueOrDefault(Disabled), out var isDisabled) && isDisabled;

    private static bool IsUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.Host.Length > 0;

    private static bool AreHeaders(string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .All(header => header.IndexOf('=', StringComparison.Ordinal) > 0 && !Uri.UnescapeDataString(header).Any(char.IsControl));

    private static bool IsNumber(string text, int max) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number <= max;

    private static double? RatioIn(string? text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var ratio) ? ratio : null;
}
