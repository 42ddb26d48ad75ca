using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pandora.Core;
using Pandora.Core.Rpc;
using Pandora.Core.Settings;
using Pandora.Core.Telemetry;
using Pandora.Protos.ApiKey.V1;

namespace Pandora.Benchmarks.Servers;

/// <summary>
/// The ceiling: the product's own listeners and binding, with a method that reads and checks the message and answers at
/// once. No node can be faster than this.
/// </summary>
internal static class CeilingServer
{
    public static async Task<int> RunAsync()
    {
        var stop = StopSignal.Listen();
        var settings = new PandoraSettings
        {
            DataDirectory = Path.GetTempPath(),
            Database = new DatabaseSettings.External(""),
            ListenAddress = IPAddress.Loopback,
            HttpPort = 0,
            GrpcPort = 0,
            ExposeVersion = true,
            LogMetadata = MetadataLogging.Full,
            LogRetentionDays = 0,
        };
        await using var node = PandoraNode.Build(settings, "Host=localhost", OnlyAnswer);
        await ServedNode.ServeAsync(node, "", databaseLost: null, stop);
        return 0;
    }

    /// <summary>Takes away what needs a database, and puts our method in the place of the product's.</summary>
    private static void OnlyAnswer(WebApplicationBuilder builder)
    {
        var background = builder.Services
            .Where(service => service.ServiceType == typeof(IHostedService)
                && (service.ImplementationType ?? service.ImplementationFactory?.Method.DeclaringType)?.Assembly
                    == typeof(PandoraNode).Assembly)
            .ToList();
        background.ForEach(service => builder.Services.Remove(service));

        var methods = new GrpcService(ApiKeyReflection.Descriptor)
            .Unary<ValidateRequest, ValidateConsumeResponse>("ValidateConsume", ValidateRequest.Parser, (request, _) => new(CeilingMethod.Answer(request)))
            .Methods;
        builder.Services.AddSingleton(
            provider => new GrpcDispatcher(
                methods, provider.GetRequiredService<CallWatch>(), provider.GetRequiredService<ILogger<GrpcDispatcher>>()));
    }
}
