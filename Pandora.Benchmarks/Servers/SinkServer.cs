using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Pandora.Core;

namespace Pandora.Benchmarks.Servers;

/// <summary>
/// A collector that takes what a node exports over OTLP and forgets it: on a machine of few processors a real one would
/// weigh more than what is to be measured.
/// </summary>
internal static class SinkServer
{
    /// <summary>Asks how many exports of spans, metrics and log lines have come: three numbers.</summary>
    public const string AskExports = "exports";

    private const int EmptyMessageBytes = 5;

    private static int _spans;
    private static int _metrics;
    private static int _logs;

    public static async Task<int> RunAsync()
    {
        var stop = StopSignal.Listen();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http2));
        await using var app = builder.Build();
        app.Run(TakeAsync);
        await app.StartAsync(stop);
        ChildLines.Reply(string.Create(CultureInfo.InvariantCulture, $"{new Uri(app.Urls.Single()).Port} "));
        while (await Console.In.ReadLineAsync(CancellationToken.None) is AskExports)
        {
            ChildLines.Reply(string.Create(CultureInfo.InvariantCulture, $"{_spans} {_metrics} {_logs}"));
        }
        return 0;
    }

    private static async Task TakeAsync(HttpContext context)
    {
        await context.Request.Body.CopyToAsync(Stream.Null);
        var path = context.Request.Path.Value ?? "";
        Interlocked.Increment(ref path.Contains("trace", StringComparison.Ordinal) ? ref _spans
            : ref path.Contains("metrics", StringComparison.Ordinal) ? ref _metrics : ref _logs);
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(new byte[EmptyMessageBytes]);
        context.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers["grpc-status"] = "0";
    }
}
