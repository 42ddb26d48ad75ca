using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Pandora.ServiceDefaults;

/// <summary>
/// Traces, metrics and logs of this process, sent over OTLP if <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set. It lives longer
/// than the host, so that the lines of start and end are sent too. Nothing that goes wrong here disturbs the process.
/// </summary>
public sealed class TelemetryExport : IAsyncDisposable
{
    /// <summary>The product's own meter and source of spans.</summary>
    public const string OwnName = "Pandora.Core";

    /// <summary>The source of the spans of REST requests.</summary>
    public const string RequestsName = "Pandora.Core.Rest";

    /// <summary>The source of the spans of a migration.</summary>
    public const string MigrationsName = "Pandora.Core.Migrations";

    /// <summary>A collector that is away must not keep the process from ending.</summary>
    private static readonly TimeSpan FlushLimit = TimeSpan.FromSeconds(3);

    private static readonly string[] Sources = [OwnName, RequestsName, MigrationsName, "System.Net.Http", "Npgsql"];

    private static readonly string[] Meters =
    [
        OwnName,
        "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "Microsoft.AspNetCore.Routing",
        "Microsoft.EntityFrameworkCore", "Npgsql", "System.Net.Http", "System.Runtime",
    ];

    /// <summary>Counted up and down for each call of gRPC, to say what its duration says better.</summary>
    private static readonly string[] LeftOut = ["kestrel.queued_requests", "http.server.active_requests"];

    private Func<TimeSpan> _timeLeft = () => TimeSpan.Zero;
    private OpenTelemetrySdk? _sdk;
    private ExportFaults? _faults;

    private TelemetryExport()
    {
    }

    /// <summary>Whether anything is exported.</summary>
    public bool IsOn => _sdk is not null;

    /// <summary>Which traces are recorded.</summary>
    public TraceSampling Sampling { get; private init; } = TraceSampling.Default(TimeProvider.System);

    /// <summary>One line for each variable that is not understood.</summary>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    /// <summary>Sends log lines. Null: none are sent.</summary>
    internal ILoggerProvider? Logs => _sdk is null ? null : new LoggerBridge(_sdk.GetLoggerFactory());

    /// <summary>For a process that exports nothing, whatever its variables say.</summary>
    public static TelemetryExport Off() => new();

    /// <summary>Reads the standard's variables and begins to export, if they say so. To be called before a host is made.</summary>
    /// <param name="serviceName">Unless <c>OTEL_SERVICE_NAME</c> says otherwise.</param>
    /// <param name="program">Whose version is stated.</param>
    /// <param name="timeLeft">How long the process may still take, asked at its end.</param>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever the SDK finds wrong with its settings: a node without telemetry serves, one that ended does not.")]
    public static TelemetryExport Start(string serviceName, Assembly program, Func<TimeSpan> timeLeft)
    {
        var variables = TelemetryVariables.OfProcess();
        var export = new TelemetryExport
        {
            Sampling = variables.Sampling(TimeProvider.System),
            Warnings = variables.Warnings,
            _timeLeft = timeLeft,
        };
        if (!variables.IsOn)
        {
            return export;
        }
        OpenTelemetrySdk? sdk = null;
        try
        {
            export._faults = new ExportFaults(TimeProvider.System);
            sdk = OpenTelemetrySdk.Create(builder => Configure(builder, serviceName, program, variables, export.Sampling));
            _ = (sdk.TracerProvider, sdk.MeterProvider, sdk.LoggerProvider); // made when asked for
            export._sdk = sdk;
        }
        catch (Exception e)
        {
            sdk?.Dispose();
            export.Warnings = [.. variables.Warnings, $"Telemetry cannot be exported: {e.Message.ReplaceLineEndings(" ")}"];
        }
        return export;
    }

    /// <summary>Says in the log, now and then, when nothing can be exported.</summary>
    public void ReportFaultsTo(ILogger logger) => _faults?.ReportTo(logger);

    /// <summary>Sends what is left, within what the process has left.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_sdk is null)
        {
            return;
        }
        var left = _timeLeft();
        var limit = left < FlushLimit ? left : FlushLimit;
        if (limit > TimeSpan.Zero)
        {
            // At once: each may need all of it, and the threads block.
            var milliseconds = (int)limit.TotalMilliseconds;
            Task flushed = Task.WhenAll(
                Task.Run(() => _sdk.TracerProvider.Shutdown(milliseconds)),
                Task.Run(() => _sdk.MeterProvider.Shutdown(milliseconds)),
                Task.Run(() => _sdk.LoggerProvider.Shutdown(milliseconds)));
            await flushed.WaitAsync(limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        _faults?.Dispose();
        // Nothing else is disposed of: that would wait once more, and the process is about to end.
    }

    private static void Configure(
        IOpenTelemetryBuilder builder, string serviceName, Assembly program, TelemetryVariables variables, TraceSampling sampling)
    {
        // Only what was understood; some of the SDK's readers throw at what they do not.
        builder.Services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(variables.Values).Build());
        builder.Services.Configure<LoggerFilterOptions>(filter => filter.MinLevel = LogLevel.Trace); // the process's own filters came first
        builder.ConfigureResource(resource => resource
            .AddService(serviceName, serviceVersion: VersionOf(program), serviceInstanceId: InstanceId())
            .AddEnvironmentVariableDetector()); // later, so that the operator's words win
        if (variables.Exports("TRACES"))
        {
            builder.WithTracing(traces => traces.AddSource(Sources).SetSampler(sampling.AsSampler()));
        }
        if (variables.Exports("METRICS"))
        {
            builder.WithMetrics(metrics => metrics.AddMeter(Meters)
                .AddView(instrument => LeftOut.Contains(instrument.Name) ? MetricStreamConfiguration.Drop : null));
        }
        if (variables.Exports("LOGS"))
        {
            builder.WithLogging(logs => logs.AddProcessor(new EventIds()), options =>
            {
                options.IncludeFormattedMessage = true;
                options.ParseStateValues = true;
            });
        }
        builder.UseOtlpExporter();
    }

    private static string VersionOf(Assembly program) =>
        program.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "x.x.x";

    private static string InstanceId() => Guid.CreateVersion7(TimeProvider.System.GetUtcNow()).ToString();

    /// <summary>Adds the number of an event, which stays when its words change.</summary>
    private sealed class EventIds : BaseProcessor<LogRecord>
    {
        public override void OnEnd(LogRecord data)
        {
            if (data.EventId.Id != 0)
            {
                data.Attributes = [.. data.Attributes ?? [], new("event.id", data.EventId.Id)];
            }
        }
    }

    /// <summary>Lets any number of logger factories send; the loggers belong to the SDK.</summary>
    private sealed class LoggerBridge(ILoggerFactory sender) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => sender.CreateLogger(categoryName);

        public void Dispose()
        {
        }
    }
}
