using System.Diagnostics.Metrics;

namespace Pandora.Core.Telemetry;

/// <summary>
/// Every instrument of a node, with its unit and what it means; docs/observability.md is held to this file. Nothing here
/// costs more than a look at a field as long as nobody listens. No attribute has values that users make up: no key, no
/// name of a record, no path, no address.
/// </summary>
internal sealed class NodeMeters
{
    /// <summary>Of the meter, and of the source of spans.</summary>
    public const string Name = "Pandora.Core";

    private const string Method = "pandora.check.method";
    private const string Outcome = "pandora.check.outcome";
    private const string Reason = "pandora.check.reason";
    private const string ErrorType = "error.type";
    private const string Hit = "hit";
    private const string Miss = "miss";

    // A flush of a fast disk takes 0.1 ms; nobody waits longer than 5 s.
    private static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries =
            [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    };

    private static readonly InstrumentAdvice<int> Sizes = new()
    {
        HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256],
    };

    private readonly Meter _meter;
    private readonly Counter<long> _checks;
    private readonly Counter<long> _refusals;
    private readonly Counter<long> _takenBack;
    private readonly Histogram<int> _batchSize;
    private readonly Histogram<double> _commitDuration;
    private readonly Counter<long> _repeats;
    private readonly Counter<long> _lookups;
    private readonly Counter<long> _resets;
    private readonly Counter<long> _reservations;
    private readonly Counter<long> _partitionFaults;
    private readonly Histogram<double> _callDuration;

    public NodeMeters(IMeterFactory factory)
    {
        _meter = factory.Create(Name);
        _callDuration = _meter.CreateHistogram(
            "rpc.server.call.duration", "s", "How long a gRPC call took, from its headers to its status.", null, Seconds);
        _checks = _meter.CreateCounter<long>(
            "pandora.checks", "{check}", "Checks by how they ended: allowed, refused, or not decided.");
        _refusals = _meter.CreateCounter<long>(
            "pandora.check.refusals", "{check}", "Refused checks by their failure code.");
        _takenBack = _meter.CreateCounter<long>(
            "pandora.check.taken_back", "{check}", "Checks that were committed while their caller gave up, and were undone.");
        _batchSize = _meter.CreateHistogram(
            "pandora.batch.size", "{check}", "Checks that were committed together.", null, Sizes);
        _commitDuration = _meter.CreateHistogram(
            "pandora.batch.commit.duration", "s", "How long the database took to decide, log and flush a batch.", null, Seconds);
        _repeats = _meter.CreateCounter<long>(
            "pandora.batch.repeats", "{batch}", "Batches that had to be decided again, by what was in the way.");
        _lookups = _meter.CreateCounter<long>(
            "pandora.directory.lookups", "{check}", "Checks by whether the node remembered their key and service.");
        _resets = _meter.CreateCounter<long>(
            "pandora.counter.resets", "{counter}", "Counters that a check found due for their reset, and filled up.");
        _reservations = _meter.CreateCounter<long>(
            "pandora.reservations", "{reservation}", "Reservations that were made, committed or rolled back.");
        _partitionFaults = _meter.CreateCounter<long>(
            "pandora.log.partition.faults", "{fault}", "Failed attempts to make, clear or drop partitions of the request log.");
    }

    /// <summary>Whether anybody wants to know how checks end.</summary>
    public bool CountsChecks => _checks.Enabled || _refusals.Enabled || _reservations.Enabled;

    /// <summary>Whether anybody wants to know how long calls take.</summary>
    public bool TimesCalls => _callDuration.Enabled;

    /// <summary>Counts checks that were answered after their commit.</summary>
    /// <param name="method">As in the proto files.</param>
    /// <param name="reason">A failure code as callers see it. "": the key may pass.</param>
    public void Answered(string method, string reason, long checks)
    {
        var isRefused = reason.Length > 0;
        _checks.Add(checks, new(Method, method), new(Outcome, isRefused ? "refused" : "allowed"));
        if (isRefused)
        {
            _refusals.Add(checks, new(Method, method), new(Reason, reason));
        }
    }

    /// <summary>Counts a check that got the remembered answer of an earlier one.</summary>
    public void Repeated(string method) => _checks.Add(1, new(Method, method), new(Outcome, "repeated"));

    /// <summary>Counts a check that got no answer.</summary>
    /// <param name="outcome">One of few words.</param>
    /// <param name="error">What kept it from an answer: one of few words.</param>
    public void Undecided(string method, string outcome, string error) =>
        _checks.Add(1, new(Method, method), new(Outcome, outcome), new(ErrorType, error));

    public void TakenBack(long checks) => _takenBack.Add(checks);

    /// <param name="resets">Counters among it that were due for their reset.</param>
    public void Committed(int checks, long resets, TimeSpan duration)
    {
        if (resets > 0)
        {
            _resets.Add(resets);
        }
        _batchSize.Record(checks);
        _commitDuration.Record(duration.TotalSeconds);
    }

    /// <param name="cause">One of few words.</param>
    public void DecidedAgain(string cause) => _repeats.Add(1, new KeyValuePair<string, object?>("pandora.batch.repeat.cause", cause));

    public void LookedUp(int hits, int misses)
    {
        const string result = "pandora.directory.result";
        if (hits > 0)
        {
            _lookups.Add(hits, new KeyValuePair<string, object?>(result, Hit));
        }
        if (misses > 0)
        {
            _lookups.Add(misses, new KeyValuePair<string, object?>(result, Miss));
        }
    }

    /// <param name="change">What became of them: one of few words.</param>
    public void Reserved(long reservations, string change) =>
        _reservations.Add(reservations, new KeyValuePair<string, object?>("pandora.reservation.change", change));

    public void PartitionFault() => _partitionFaults.Add(1);

    /// <param name="error">The status if the server is to blame for it. Null: it is not.</param>
    public void Called(string method, string status, string? error, TimeSpan duration)
    {
        KeyValuePair<string, object?> system = new(RpcTags.System, RpcTags.Grpc);
        KeyValuePair<string, object?> name = new(RpcTags.Method, method);
        KeyValuePair<string, object?> code = new(RpcTags.Status, status);
        if (error is null)
        {
            _callDuration.Record(duration.TotalSeconds, system, name, code);
        }
        else
        {
            _callDuration.Record(duration.TotalSeconds, system, name, code, new(ErrorType, error));
        }
    }

    /// <summary>Shows how many checks wait for their batch.</summary>
    public void ShowWaiting(Func<int> waiting) => _meter.CreateObservableUpDownCounter(
        "pandora.check.waiting", waiting, "{check}", "Checks that wait to be taken into a batch.");

    /// <summary>Shows how many reports of outcomes wait for their group.</summary>
    public void ShowReports(Func<int> waiting) => _meter.CreateObservableUpDownCounter(
        "pandora.report.waiting", waiting, "{report}", "Reports of outcomes that are not stored yet.");

    /// <summary>Shows how many ends of reservations wait for their group.</summary>
    public void ShowSettlements(Func<int> waiting) => _meter.CreateObservableUpDownCounter(
        "pandora.settlement.waiting", waiting, "{settlement}", "Commits and rollbacks of reservations that are not stored yet.");

    /// <param name="refreshes">Since the node was built.</param>
    /// <param name="known">Remembered pairs of key and service that exist.</param>
    /// <param name="unknown">The same for those of which one does not.</param>
    public void ShowDirectory(Func<long> refreshes, Func<int> known, Func<int> unknown)
    {
        const string kind = "pandora.directory.kind";
        _meter.CreateObservableCounter(
            "pandora.directory.refreshes", refreshes, "{refresh}", "Times that the node read what had changed in the directory.");
        _meter.CreateObservableUpDownCounter(
            "pandora.directory.entries",
            () => new Measurement<int>[] { new(known(), new KeyValuePair<string, object?>(kind, "known")), new(unknown(), new KeyValuePair<string, object?>(kind, "unknown")) },
            "{entry}",
            "Pairs of key and service that the node remembers.");
    }

    /// <summary>Shows what the last look at the partitions of the request log found. Null: none succeeded yet.</summary>
    public void ShowPartitions(Func<PartitionFigures?> figures)
    {
        _meter.CreateObservableUpDownCounter(
            "pandora.log.partition.count", () => Of(figure => figure.Count), "{partition}", "Partitions of the request log.");
        _meter.CreateObservableGauge(
            "pandora.log.partition.ahead",
            () => Of(figure => figure.Ahead.TotalSeconds),
            "s",
            "How long the partitions that are made ahead will last.");
        _meter.CreateObservableGauge(
            "pandora.log.partition.default_rows",
            () => Of(figure => figure.DefaultRows),
            "{row}",
            "Rows of the request log that found no partition of their own, counted up to 10 000.");

        Measurement<T>[] Of<T>(Func<PartitionFigures, T> value)
            where T : struct =>
            figures() is { } figure ? [new Measurement<T>(value(figure))] : [];
    }
}

/// <summary>What a look at the partitions of the request log found.</summary>
/// <param name="Ahead">From now on there is a partition for this long. Zero: there is none for now.</param>
/// <param name="DefaultRows">In the partition that takes what no other one does; counted up to a limit.</param>
internal readonly record struct PartitionFigures(int Count, TimeSpan Ahead, long DefaultRows);
