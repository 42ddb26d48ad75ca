using System.Collections;
using System.Globalization;

namespace Pandora.ServiceDefaults;

/// <summary>
/// The standard's variables, <c>OTEL_…</c>. They are not the product's own: one that is not understood draws a warning and
/// counts as unset, because no fault of telemetry may keep a node from serving.
/// </summary>
internal sealed class TelemetryVariables
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string Disabled = "OTEL_SDK_DISABLED";
    private const string Sampler = "OTEL_TRACES_SAMPLER";
    private const string SamplerArgument = "OTEL_TRACES_SAMPLER_ARG";

    private static readonly string[] Signals = ["TRACES", "METRICS", "LOGS"];

    // An export that may take hours would fail without a word.
    private const int LongestMilliseconds = 600_000;

    private static readonly string[] Milliseconds =
    [
        "OTEL_EXPORTER_OTLP_TIMEOUT", .. Signals.Select(signal => $"OTEL_EXPORTER_OTLP_{signal}_TIMEOUT"),
        "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BLRP_EXPORT_TIMEOUT", "OTEL_METRIC_EXPORT_TIMEOUT",
    ];

    private static readonly string[] WholeNumbers =
    [
        "OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "OTEL_BLRP_SCHEDULE_DELAY", "OTEL_BLRP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        "OTEL_METRIC_EXPORT_INTERVAL",
    ];

    private readonly Dictionary<string, string?> _values;
    private readonly List<string> _warnings = [];

    private TelemetryVariables(Dictionary<string, string?> values) => _values = values;

    /// <summary>Those that are set and understood.</summary>
    public IReadOnlyDictionary<string, string?> Values => _values;

    /// <summary>One line for each that is not, without the value of one that may be a secret.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Whether anything is to be exported at all.</summary>
    public bool IsOn { get; private set; }

    public bool Traces { get; private set; }

    public bool Metrics { get; private set; }

    public bool Logs { get; private set; }

    /// <summary>What the operator chose. Null: nothing.</summary>
    public TraceSampling? Sampling { get; private set; }

    /// <summary>Set but empty counts as unset.</summary>
    public static TelemetryVariables OfProcess(TimeProvider time)
    {
        var variables = new TelemetryVariables(Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Where(variable => ((string)variable.Key).StartsWith("OTEL_", StringComparison.Ordinal) && variable.Value is string { Length: > 0 })
            .ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value));
        variables.Accept([Disabled], text => Is(text, "true") || Is(text, "false"), "true or false");
        if (variables.Text(Endpoint) is not null && !Is(variables.Text(Disabled), "true"))
        {
            variables.Judge(time);
        }
        return variables;
    }

    private void Judge(TimeProvider time)
    {
        Accept([Endpoint], IsEndpoint, "a URL such as http://collector:4317; nothing is exported");
        IsOn = Text(Endpoint) is not null;
        if (!IsOn)
        {
            return; // the others have no effect
        }
        Accept(ForEachSignal("ENDPOINT"), IsEndpoint, "a URL such as http://collector:4317");
        Accept(["OTEL_EXPORTER_OTLP_PROTOCOL", .. ForEachSignal("PROTOCOL")], text => text is "grpc" or "http/protobuf", "grpc or http/protobuf");
        Accept(["OTEL_EXPORTER_OTLP_COMPRESSION", .. ForEachSignal("COMPRESSION")], text => text is "gzip" or "none", "gzip or none");
        Accept(["OTEL_EXPORTER_OTLP_HEADERS", .. ForEachSignal("HEADERS")], AreHeaders, "name=value,name=value", isSecret: true);
        Accept(Milliseconds, text => IsPositive(text) && int.Parse(text, CultureInfo.InvariantCulture) <= LongestMilliseconds, "milliseconds from 1 to 600000");
        Accept(WholeNumbers, IsPositive, "a whole number of at least 1");
        Accept([SamplerArgument], text => Ratio(text) is not null, "a number from 0 to 1");
        var ratio = Text(SamplerArgument) is { } given ? Ratio(given)!.Value : 1;
        Accept(
            [Sampler],
            text => TraceSampling.Named(text, ratio, time) is not null,
            "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio");
        Sampling = Text(Sampler) is { } name ? TraceSampling.Named(name, ratio, time) : null;
        Accept([.. Signals.Select(signal => $"OTEL_{signal}_EXPORTER")], text => text is "otlp" or "none", "otlp or none");
        (Traces, Metrics, Logs) = (IsExported("TRACES"), IsExported("METRICS"), IsExported("LOGS"));
    }

    private string? Text(string name) => _values.GetValueOrDefault(name);

    private bool IsExported(string signal) => Text($"OTEL_{signal}_EXPORTER") is not "none";

    private static string[] ForEachSignal(string setting) => [.. Signals.Select(signal => $"OTEL_EXPORTER_OTLP_{signal}_{setting}")];

    /// <summary>Removes those that are not accepted.</summary>
    private void Accept(string[] names, Func<string, bool> isAccepted, string accepted, bool isSecret = false)
    {
        foreach (var name in names)
        {
            if (Text(name) is { } text && !isAccepted(text))
            {
                _warnings.Add($"{name} is {(isSecret ? "not understood" : $"\"{OneLine.Of(text)}\"")} and has no effect; accepted is {accepted}.");
                _values.Remove(name);
            }
        }
    }

    private static bool IsEndpoint(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.Host.Length > 0;

    private static bool AreHeaders(string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .All(header => header.IndexOf('=', StringComparison.Ordinal) > 0 && !Uri.UnescapeDataString(header).Any(char.IsControl));

    private static bool IsPositive(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0;

    private static double? Ratio(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var ratio) && ratio is >= 0 and <= 1 ? ratio : null;

    private static bool Is(string? text, string word) => word.Equals(text, StringComparison.OrdinalIgnoreCase);
}
