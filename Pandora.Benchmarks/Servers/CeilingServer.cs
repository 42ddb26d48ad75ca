using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pandora.Core;
using Pandora.Core.Grpc;
using Pandora.Core.Settings;
using Pandora.Protos.ApiKey.V1;
using EnvironmentMessage = Pandora.Protos.ApiKey.V1.Environment;

namespace Pandora.Benchmarks.Servers;

/// <summary>
/// The ceiling: the product's own listeners, pipeline and binding, with a method that reads and checks the message and
/// answers at once. No node can be faster than this.
/// </summary>
internal static class CeilingServer
{
    private const long Available = 1_000_000_000;

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
            .Unary<ValidateRequest, ValidateConsumeResponse>("ValidateConsume", ValidateRequest.Parser, Answer)
            .Methods;
        builder.Services.AddSingleton(
            provider => new GrpcDispatcher(methods, provider.GetRequiredService<ILogger<GrpcDispatcher>>()));
    }

    private static ValueTask<GrpcResult<ValidateConsumeResponse>> Answer(ValidateRequest request, CancellationToken ct)
    {
        var check = CheckInput.Read(request, consumes: true);
        if (check.Message is null)
        {
            return new(check.Refusal!);
        }
        return new(new ValidateConsumeResponse
        {
            BaseResponse = new ValidateResponse
            {
                Valid = true,
                RequestId = Guid.CreateVersion7(TimeProvider.System.GetUtcNow()).ToString(),
                Project = new Project { Id = 1, Name = "bench-project-1" },
                Client = new Client { Id = 1, Name = "bench-client" },
                Environment = new EnvironmentMessage { Id = 1, Name = "bench-environment-1" },
            },
            AvailableRequest = Available,
        });
    }
}
