using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Pandora.ServiceDefaults;

/// <summary>What every Pandora process shares, whatever it does.</summary>
public static class ServiceDefaultsExtensions
{
    /// <summary>Frameworks speak up only when something is wrong. <c>Logging__LogLevel__…</c> overrides it.</summary>
    private static readonly Dictionary<string, string?> DefaultLevels = new()
    {
        ["Logging:LogLevel:Default"] = "Information",
        ["Logging:LogLevel:Microsoft"] = "Warning",
        ["Logging:LogLevel:System"] = "Warning",
        // Asked at each request whether it has anything to say, which costs an activity.
        ["Logging:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = "None",
        ["Logging:LogLevel:Grpc"] = "Warning",
        // Whatever a caller sends that cannot be read is an error to it; those of ours have an event.
        ["Logging:LogLevel:Grpc.AspNetCore.Server.ServerCallHandler"] = "None",
        // At each look. Whoever looks tells what was found.
        ["Logging:LogLevel:Microsoft.Extensions.Diagnostics.HealthChecks"] = "None",
        // It logs what it throws as well, refused duplicates included; whoever catches that decides what is worth a line.
        ["Logging:LogLevel:Microsoft.EntityFrameworkCore"] = "None",
        // They quote what a caller sent, which may be a secret: only who names them by their whole names is shown that.
        ["Logging:LogLevel:Microsoft.AspNetCore.Routing.Matching.DfaMatcher"] = "Warning",
        ["Logging:LogLevel:Microsoft.AspNetCore.StaticFiles.StaticFileMiddleware"] = "Warning",
        ["Logging:LogLevel:Microsoft.AspNetCore.Server.Kestrel.BadRequests"] = "Warning",
        // What callers do to their connections; one of them can cause thousands of lines a minute, which it calls critical.
        ["Logging:LogLevel:Microsoft.AspNetCore.Server.Kestrel.Http2"] = "None",
    };

    /// <summary>
    /// Logs to standard output, one line an event, time in UTC. Providers that a host adds by default are replaced,
    /// so that no process writes to places its operator did not choose.
    /// </summary>
    /// <param name="telemetry">Of the process; null in one that exports nothing.</param>
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder, TelemetryExport? telemetry = null)
        where TBuilder : IHostApplicationBuilder
    {
        // First, so that everything the operator set comes later and wins.
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = DefaultLevels });
        builder.Logging.ClearProviders();
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        AddConsole(builder.Logging);
        AddExport(builder.Logging, telemetry);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(telemetry?.Sampling ?? TraceSampling.Default(TimeProvider.System));
        return builder;
    }

    /// <summary>The same log for what happens before there is a host and after it has gone.</summary>
    /// <param name="toStandardError">For a process whose standard output is a result; then only what is wrong is logged.</param>
    /// <param name="telemetry">Of the process; null in one that exports nothing.</param>
    public static ILoggerFactory CreateLoggerFactory(bool toStandardError = false, TelemetryExport? telemetry = null)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(DefaultLevels).AddEnvironmentVariables().Build();
        return LoggerFactory.Create(logging =>
        {
            logging.AddConfiguration(configuration.GetSection("Logging"));
            AddConsole(logging);
            AddExport(logging, telemetry);
            if (toStandardError)
            {
                logging.AddFilter(level => level >= LogLevel.Warning);
                logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
            }
        });
    }

    private static void AddExport(ILoggingBuilder logging, TelemetryExport? telemetry)
    {
        if (telemetry?.Logs is { } export)
        {
            logging.AddProvider(export);
        }
    }

    private static void AddConsole(ILoggingBuilder logging) => logging.AddSimpleConsole(console =>
    {
        console.SingleLine = true;
        console.UseUtcTimestamp = true;
        console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
    });
}
