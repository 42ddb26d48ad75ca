using System.Globalization;
using Pandora.Benchmarks.Database;
using Pandora.Benchmarks.Load;
using Pandora.Benchmarks.Servers;

namespace Pandora.Benchmarks;

/// <summary>All that runs while a run measures: servers, their databases, the generator, each in a process of its own.</summary>
internal sealed class TestBed : IAsyncDisposable
{
    private readonly Options _options;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pandora-benchmark-");
    private readonly Dictionary<Target, BenchmarkDatabase> _databases = [];
    private readonly Dictionary<Target, MeasuredServer> _nodes = [];
    private readonly Dictionary<Target, MeasuredServer> _others = [];
    private MeasuredServer? _sink;
    private Child? _generator;

    private TestBed(Options options) => _options = options;

    public Child Generator => _generator!;

    public MeasuredServer Node => _nodes[Target.Node];

    /// <summary>Of the node, before the first call.</summary>
    public long IdleBytes { get; private set; }

    /// <summary>Takes the telemetry of nodes that export it.</summary>
    public MeasuredServer Sink => _sink!;

    /// <summary>All of them, the node's first.</summary>
    public IReadOnlyCollection<BenchmarkDatabase> Databases => _databases.Values;

    /// <summary>The keys that calls present, one <see cref="BenchmarkKey"/> a line; the first one is the hot one.</summary>
    public string KeysFile => Path.Combine(_folder.FullName, "keys");

    /// <summary>For h2load: a check of the hot key.</summary>
    public string BodyFile => Path.Combine(_folder.FullName, "body");

    /// <summary>Who takes part in this run.</summary>
    public bool Has(Target target) => target == Target.Sql ? !_options.Pairs : ServerOf(target) is not null;

    /// <summary>Null: there is none.</summary>
    public MeasuredServer? ServerOf(Target target) => _nodes.GetValueOrDefault(target) ?? _others.GetValueOrDefault(target);

    /// <summary>Null: there is none, or it is not PostgreSQL.</summary>
    public BenchmarkDatabase? DatabaseOf(Target target) =>
        _databases.GetValueOrDefault(target is Target.Exporter or Target.Sql ? Target.Node : target);

    public static async Task<TestBed> StartAsync(Options options, CancellationToken ct)
    {
        var bed = new TestBed(options);
        try
        {
            await bed.StartAsync(ct);
            return bed;
        }
        catch
        {
            await bed.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts every node anew on its database.</summary>
    public async Task RestartNodesAsync(CancellationToken ct)
    {
        await StopNodesAsync();
        await StartNodesAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        await StopNodesAsync();
        foreach (var running in _others.Values.Concat<IAsyncDisposable?>([_sink, _generator]).Concat(_databases.Values))
        {
            if (running is not null)
            {
                await running.DisposeAsync();
            }
        }
        _folder.Delete(recursive: true);
    }

    private async Task StartAsync(CancellationToken ct)
    {
        _generator = Child.Start("load");
        _sink = await MeasuredServer.StartAsync("sink", ct);
        _databases[Target.Node] = _options.Connection is { } connection
            ? new BenchmarkDatabase(connection)
            : await BenchmarkDatabase.CreateAsync(programs: null, ct);
        if (_options.Against is not null)
        {
            _databases[Target.OtherBuild] = await BenchmarkDatabase.CreateAsync(programs: null, ct);
        }
        if (_options.Postgres is { } programs)
        {
            _databases[Target.OtherPostgres] = await BenchmarkDatabase.CreateAsync(programs, ct);
        }

        await StartNodesAsync(ct); // they make the tables
        IdleBytes = Node.ResidentBytes;
        foreach (var database in Databases)
        {
            await database.PrepareAsync(_options.Keys, ct);
        }
        await WriteKeysAsync(ct);
        if (!_options.Pairs)
        {
            _others[Target.Ceiling] = await MeasuredServer.StartAsync("ceiling", ct);
            _others[Target.Pipeline] = await MeasuredServer.StartAsync("pipeline", ct);
            if (await RedisServer.VersionAsync(ct) is not null)
            {
                _others[Target.Redis] = await MeasuredServer.StartAsync(
                    "redis", ct, (RedisServer.Folder, _folder.FullName), (RedisServer.Keys, KeysFile));
            }
        }
    }

    private async Task StartNodesAsync(CancellationToken ct)
    {
        await StartAsync(Target.Node);
        // Metrics go out every 5 s instead of every 60, so that each load pays for an export.
        await StartAsync(
            Target.Exporter,
            ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Sink.Port}")));
        foreach (var target in _databases.Keys.Where(target => target != Target.Node))
        {
            await StartAsync(target);
        }

        async Task StartAsync(Target target, params (string, string)[] variables) =>
            _nodes[target] = await MeasuredServer.StartProductAsync(
                target == Target.OtherBuild ? _options.Against! : AppContext.BaseDirectory,
                Path.Combine(_folder.FullName, target.ToString()),
                DatabaseOf(target)!.ConnectionString,
                ct,
                variables);
    }

    private async Task StopNodesAsync()
    {
        foreach (var node in _nodes.Values)
        {
            await node.DisposeAsync();
        }
        _nodes.Clear();
    }

    private async Task WriteKeysAsync(CancellationToken ct)
    {
        var keys = await _databases[Target.Node].KeysAsync(_options.Keys, ct);
        if (keys.Count == 0)
        {
            throw new BenchmarkException($"The database has no keys \"{BenchmarkKey.Prefix}1\", \"{BenchmarkKey.Prefix}2\", … that may pass.");
        }
        await KeyFile.WriteAsync(KeysFile, keys, ct);
        await File.WriteAllBytesAsync(
            BodyFile, RequestBodies.Of([keys[0]], CallKind.ValidateConsume, quantity: 1)[0].ToArray(), ct);
    }
}
