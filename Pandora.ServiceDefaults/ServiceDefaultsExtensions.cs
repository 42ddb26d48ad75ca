using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Pandora.ServiceDefaults;

/// <summary>What every Pandora process shares, whatever it does.</summary>
public static class ServiceDefaultsExtensions
{
    /// <summary>
    /// Logs to standard output, one line an event, time in UTC. Providers that a host adds by default are replaced,
    /// so that no process writes to places its operator did not choose.
    /// </summary>
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        builder.Logging.ClearProviders();
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
        });
        builder.Services.AddSingleton(TimeProvider.System);
        return builder;
    }
}
