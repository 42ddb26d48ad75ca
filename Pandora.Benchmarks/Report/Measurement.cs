using Pandora.Benchmarks.Load;

namespace Pandora.Benchmarks.Report;

/// <summary>One scenario at one concurrency in one round.</summary>
internal sealed record Measurement
{
    public required double CallsPerSecond { get; init; }

    /// <summary>Null: not of this tool.</summary>
    public Latencies? Latencies { get; init; }

    // What one call used. Null: nobody can tell.
    public double? AllocatedBytes { get; init; }

    public double? ServerMicroseconds { get; init; }

    public double? DatabaseMicroseconds { get; init; }

    public double? GeneratorMicroseconds { get; init; }

    /// <summary>Of the request log on disk, for each row that was added.</summary>
    public double? LogBytes { get; init; }
}

/// <summary>A row of the table: what it is about, and a measurement of each round.</summary>
/// <param name="Name">A scenario's, with its tool where that is not our own.</param>
internal readonly record struct RowKey(string Name, string Concurrency);

/// <summary>All measurements of a run.</summary>
internal sealed class Results
{
    private readonly Dictionary<RowKey, List<Measurement>> _rounds = [];

    /// <summary>In the order in which they were first measured.</summary>
    public IEnumerable<RowKey> Rows => _rounds.Keys;

    /// <summary>Scenarios that the server does not know.</summary>
    public List<Scenario> Missing { get; } = [];

    public void Add(RowKey row, Measurement measurement)
    {
        if (!_rounds.TryGetValue(row, out var rounds))
        {
            _rounds[row] = rounds = [];
        }
        rounds.Add(measurement);
    }

    public Measurement Last(Scenario scenario, Concurrency concurrency) => _rounds[Key(scenario, concurrency)][^1];

    public bool Has(RowKey row) => _rounds.ContainsKey(row);

    /// <summary>The median over all rounds. Null: not measured.</summary>
    public double? Median(RowKey row, Func<Measurement, double?> figure) =>
        _rounds.TryGetValue(row, out var rounds) ? Median([.. rounds.Select(figure).OfType<double>()]) : null;

    /// <inheritdoc cref="Median(RowKey, Func{Measurement, double?})"/>
    public double? Median(Scenario scenario, Concurrency concurrency, Func<Measurement, double?> figure) =>
        Median(Key(scenario, concurrency), figure);

    /// <summary>The throughput of one row in that of another: the median of the quotients of each round.</summary>
    public double? Ratio(RowKey row, RowKey of) =>
        _rounds.TryGetValue(row, out var mine) && _rounds.TryGetValue(of, out var theirs)
            ? Median([.. mine.Zip(theirs, (one, other) => one.CallsPerSecond / other.CallsPerSecond)])
            : null;

    /// <inheritdoc cref="Ratio(RowKey, RowKey)"/>
    public double? Ratio(Scenario scenario, Concurrency concurrency, Scenario of, Concurrency ofConcurrency) =>
        Ratio(Key(scenario, concurrency), Key(of, ofConcurrency));

    /// <summary>A figure of one scenario in that of another: the median of the quotients of each round. Null: not measured.</summary>
    public double? Ratio(Scenario scenario, Scenario of, Concurrency concurrency, Func<Measurement, double?> figure) =>
        _rounds.TryGetValue(Key(scenario, concurrency), out var mine) && _rounds.TryGetValue(Key(of, concurrency), out var theirs)
            ? Median([.. mine.Zip(theirs, (one, other) => figure(one) / figure(other)).OfType<double>()])
            : null;

    /// <summary>The throughput of one scenario in that of another, both by h2load. Null: not measured.</summary>
    public double? RatioByH2Load(Scenario scenario, Scenario of)
    {
        RowKey? Find(Scenario one) =>
            Rows.Where(row => row.Name.StartsWith($"{one.Name} (by h2load", StringComparison.Ordinal)).Cast<RowKey?>().FirstOrDefault();
        return Find(scenario) is { } row && Find(of) is { } other ? Ratio(row, other) : null;
    }

    public static RowKey Key(Scenario scenario, Concurrency concurrency) => new(scenario.Name, concurrency.Name);

    private static double? Median(double[] values)
    {
        if (values.Length == 0)
        {
            return null;
        }
        Array.Sort(values);
        var middle = values.Length / 2;
        return values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}
