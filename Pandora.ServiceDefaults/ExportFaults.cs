using System.Diagnostics.Tracing;
using Microsoft.Extensions.Logging;

namespace Pandora.ServiceDefaults;

/// <summary>
/// Hears from the exporter that something could not be sent, and says so in the log: one line at once, then at most one in
/// ten minutes, because an exporter tries again every few seconds for as long as a collector is away.
/// </summary>
internal sealed partial class ExportFaults(TimeProvider time) : EventListener
{
    private const string SourcePrefix = "OpenTelemetry-Exporter-";

    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(10);

    private ILogger? _logger;
    private long _silentUntil;
    private int _untold;

    public void ReportTo(ILogger logger) => _logger = logger;

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name.StartsWith(SourcePrefix, StringComparison.Ordinal))
        {
            EnableEvents(eventSource, EventLevel.Warning);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (_logger is not { } logger)
        {
            return;
        }
        var now = time.GetUtcNow();
        var silentUntil = Volatile.Read(ref _silentUntil);
        if (now.Ticks < silentUntil || Interlocked.CompareExchange(ref _silentUntil, (now + Pause).Ticks, silentUntil) != silentUntil)
        {
            Interlocked.Increment(ref _untold);
            return;
        }
        // Its words may run over many lines and hold what the collector answered.
        Log.NotExported(logger, eventData.EventName ?? "unknown", Interlocked.Exchange(ref _untold, 0));
    }

    private static partial class Log
    {
        [LoggerMessage(1060, LogLevel.Warning, "Telemetry could not be exported ({Event}); it is dropped while that lasts, and Pandora serves on. Not told since the last such line: {Untold}.")]
        public static partial void NotExported(ILogger logger, string @event, int untold);
    }
}
