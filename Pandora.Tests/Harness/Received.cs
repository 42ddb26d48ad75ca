using System.Globalization;
using Google.Protobuf;
using Pandora.Tests.Harness.Otlp;

namespace Pandora.Tests.Harness;

/// <summary>A span as it arrived; ids in hexadecimal, attribute values as text.</summary>
/// <param name="Kind">2: server, 3: client.</param>
/// <param name="Status">2: error.</param>
/// <param name="ParentId">"" for a root.</param>
internal sealed record ReceivedSpan(
    IReadOnlyDictionary<string, string> Resource, string Source, string Name, int Kind, int Status, string TraceId, string SpanId, string ParentId,
    IReadOnlyDictionary<string, string> Attributes);

/// <summary>A metric as it arrived in one export.</summary>
internal sealed record ReceivedMetric(
    IReadOnlyDictionary<string, string> Resource, string Meter, string Name, string Unit, string Description, IReadOnlyList<ReceivedPoint> Points);

/// <param name="Value">The sum, of a histogram.</param>
/// <param name="Count">Of a histogram's measurements; else 1.</param>
internal sealed record ReceivedPoint(IReadOnlyDictionary<string, string> Attributes, double Value, long Count);

/// <summary>A line of the log as it arrived.</summary>
/// <param name="Severity">9: information, 13: warning, 17: error.</param>
internal sealed record ReceivedLog(
    IReadOnlyDictionary<string, string> Resource, string Category, int Severity, string Body, string TraceId,
    IReadOnlyDictionary<string, string> Attributes);

/// <summary>Flattens what exporters nest.</summary>
internal static class Received
{
    public static IEnumerable<ReceivedSpan> Spans(byte[] message) =>
        from resource in TracesExport.Parser.ParseFrom(message).Resources
        from scope in resource.Scopes
        from span in scope.Spans
        select new ReceivedSpan(
            Texts(resource.Resource.Attributes), scope.Scope.Name, span.Name, span.Kind, span.Status?.Code ?? 0,
            Hex(span.TraceId), Hex(span.SpanId), Hex(span.ParentSpanId), Texts(span.Attributes));

    public static IEnumerable<ReceivedMetric> Metrics(byte[] message) =>
        from resource in MetricsExport.Parser.ParseFrom(message).Resources
        from scope in resource.Scopes
        from metric in scope.Metrics
        select new ReceivedMetric(
            Texts(resource.Resource.Attributes), scope.Scope.Name, metric.Name, metric.Unit, metric.Description, [.. Points(metric)]);

    public static IEnumerable<ReceivedLog> Logs(byte[] message) =>
        from resource in LogsExport.Parser.ParseFrom(message).Resources
        from scope in resource.Scopes
        from log in scope.Records
        select new ReceivedLog(
            Texts(resource.Resource.Attributes), scope.Scope.Name, log.Severity, Text(log.Body), Hex(log.TraceId), Texts(log.Attributes));

    private static IEnumerable<ReceivedPoint> Points(Metric metric) =>
        metric.Histogram is { } histogram
            ? histogram.Points.Select(point => new ReceivedPoint(Texts(point.Attributes), point.Sum, (long)point.Count))
            : (metric.Sum ?? metric.Gauge)?.Points.Select(point => new ReceivedPoint(Texts(point.Attributes), point.Real + point.Number, 1)) ?? [];

    private static Dictionary<string, string> Texts(IEnumerable<KeyValue> attributes) =>
        attributes.ToDictionary(attribute => attribute.Key, attribute => Text(attribute.Value));

    private static string Text(AnyValue? value) => value?.ValueCase switch
    {
        AnyValue.ValueOneofCase.Text => value.Text,
        AnyValue.ValueOneofCase.Flag => value.Flag ? "true" : "false",
        AnyValue.ValueOneofCase.Number => value.Number.ToString(CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.Real => value.Real.ToString(CultureInfo.InvariantCulture),
        _ => value?.ToString() ?? "",
    };

    private static string Hex(ByteString id) => Convert.ToHexStringLower(id.Span);
}
