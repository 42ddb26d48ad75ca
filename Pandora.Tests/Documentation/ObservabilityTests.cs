using System.Diagnostics.Metrics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Documentation;

/// <summary>docs/observability.md, the alert rules and the dashboard name the instruments that a node has.</summary>
public sealed partial class ObservabilityTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    // Of Prometheus itself, by which it tells nodes and buckets apart.
    private static readonly string[] OwnLabels = ["job", "instance", "le"];

    private static readonly MarkdownFile Document = MarkdownFile.Open("docs", "observability.md");

    [Fact]
    public void Every_instrument_of_a_node_is_in_the_table_with_its_type_and_unit_and_no_other_is()
    {
        using var figures = new NodeFigures(pandora.Node);
        var live = figures.Instruments.Select(instrument => $"{instrument.Name} {TypeOf(instrument)} {instrument.Unit}");
        var listed = Rows().Select(row => $"{row.Name} {row.Type} {row.Unit}");

        Assert.Equal(live.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
        Assert.All(figures.Instruments, instrument => Assert.False(string.IsNullOrEmpty(instrument.Description)));
    }

    [Fact]
    public void Every_attribute_of_the_table_is_explained()
    {
        var used = Rows().SelectMany(row => row.Attributes).Distinct();

        Assert.Equal(used.Order(StringComparer.Ordinal), Attributes().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_table_tells_the_names_that_Prometheus_shows() =>
        Assert.All(Rows(), row => Assert.Equal(PrometheusName(row), row.Prometheus));

    [Theory]
    [InlineData("alerts.yaml")]
    [InlineData("grafana-dashboard.json")]
    public void Alerts_and_dashboard_use_only_metrics_and_labels_that_exist(string file)
    {
        var text = File.ReadAllText(Repository.PathTo("deploy", "observability", file));
        var known = Rows().SelectMany(SeriesOf).Concat(Attributes().Select(name => name.Replace('.', '_'))).Concat(OwnLabels).ToHashSet();
        var queries = file.EndsWith(".json", StringComparison.Ordinal) ? QueriesOf(JsonDocument.Parse(text).RootElement) : [text];

        var named = queries.SelectMany(query => Name().Matches(query)).Select(match => match.Value).ToList();

        Assert.NotEmpty(named);
        Assert.Empty(named.Where(name => !known.Contains(name)).Distinct());
    }

    [Fact]
    public void The_dashboard_asks_the_source_that_its_reader_chooses()
    {
        var dashboard = JsonDocument.Parse(File.ReadAllText(Repository.PathTo("deploy", "observability", "grafana-dashboard.json"))).RootElement;
        var panels = dashboard.GetProperty("panels").EnumerateArray().Where(panel => panel.GetProperty("type").GetString() != "row").ToList();

        Assert.NotEmpty(panels);
        Assert.All(panels, panel => Assert.Equal("${datasource}", panel.GetProperty("datasource").GetProperty("uid").GetString()));
        Assert.Equal(panels.Count, panels.Select(panel => panel.GetProperty("id").GetInt32()).Distinct().Count());
        Assert.Contains(dashboard.GetProperty("templating").GetProperty("list").EnumerateArray(), variable =>
            variable.GetProperty("name").GetString() == "datasource" && variable.GetProperty("type").GetString() == "datasource");
    }

    private static IEnumerable<Row> Rows() => Document.Table("## Instruments").Select(row => new Row(
        MarkdownFile.CodeIn(row[0]).Single(),
        row[1],
        MarkdownFile.CodeIn(row[2]).Single(),
        MarkdownFile.CodeIn(row[3]),
        MarkdownFile.CodeIn(row[4]).Single()));

    private static IEnumerable<string> Attributes() =>
        Document.Table("### Attributes of instruments").Select(row => MarkdownFile.CodeIn(row[0]).Single());

    private static string TypeOf(Instrument instrument) =>
        instrument.GetType().Name.Split('`')[0].Replace("Observable", "", StringComparison.Ordinal);

    /// <summary>By the rules of the translation from OTLP: dots become underscores, unit and kind are added at the end.</summary>
    private static string PrometheusName(Row row)
    {
        var unit = row.Unit == "s" ? "_seconds" : row.Unit.StartsWith('{') ? "" : throw new ArgumentException(row.Unit);
        return row.Name.Replace('.', '_') + unit + (row.Type == "Counter" ? "_total" : "");
    }

    private static IEnumerable<string> SeriesOf(Row row) => row.Type == "Histogram"
        ? [$"{row.Prometheus}_bucket", $"{row.Prometheus}_sum", $"{row.Prometheus}_count"]
        : [row.Prometheus];

    private static IEnumerable<string> QueriesOf(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(member =>
            member.Name is "expr" or "query" && member.Value.ValueKind == JsonValueKind.String ? [member.Value.GetString()!] : QueriesOf(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(QueriesOf),
        _ => [],
    };

    // Every name of a metric of ours, or of a label, has an underscore; no function or word of the language begins like one.
    [GeneratedRegex(@"\b(?:pandora|rpc|error)_\w+")]
    private static partial Regex Name();

    private sealed record Row(string Name, string Type, string Unit, IReadOnlyList<string> Attributes, string Prometheus);
}
