using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Pandora.Core.Telemetry;

namespace Pandora.Tests.Harness;

/// <summary>What the instruments of one node say while this listens.</summary>
internal sealed class NodeFigures : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentQueue<Figure> _figures = new();
    private readonly ConcurrentDictionary<string, Instrument> _instruments = new();

    public NodeFigures(TestNode node)
    {
        var scope = node.Services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == NodeMeters.Name && ReferenceEquals(instrument.Meter.Scope, scope))
            {
                _instruments[instrument.Name] = instrument;
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.Start();
    }

    public IReadOnlyCollection<Instrument> Instruments => [.. _instruments.Values];

    public IReadOnlyCollection<Figure> All => _figures;

    /// <summary>Everything that was measured with these values of attributes, added up.</summary>
    public double Sum(string instrument, params string[] values) => Of(instrument, values).Sum(figure => figure.Value);

    /// <summary>How many measurements there were with these values of attributes.</summary>
    public int Count(string instrument, params string[] values) => Of(instrument, values).Count();

    /// <summary>What an instrument shows that is read and not added to.</summary>
    public double Now(string instrument, params string[] values)
    {
        _figures.Clear();
        _listener.RecordObservableInstruments();
        return Sum(instrument, values);
    }

    public void Dispose() => _listener.Dispose();

    private IEnumerable<Figure> Of(string instrument, string[] values) =>
        _figures.Where(figure => figure.Instrument == instrument && values.All(figure.Attributes.Values.Contains));

    private void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var attributes = new Dictionary<string, string>();
        foreach (var (name, text) in tags)
        {
            attributes.Add(name, (string)text!);
        }
        _figures.Enqueue(new Figure(instrument.Name, value, attributes));
    }

    /// <summary>One measurement.</summary>
    internal sealed record Figure(string Instrument, double Value, IReadOnlyDictionary<string, string> Attributes);
}
