using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pandora.Core;
using Pandora.Core.Gate;
using Pandora.Core.Grpc;
using Pandora.Core.Settings;
using Pandora.Core.Telemetry;
using Pandora.Protos.ApiKey.V1;

namespace Pandora.Benchmarks.Servers;

/// <summary>
/// The ceiling: the product's own listeners, pipeline and binding, with a method that reads and checks the message and
/// answers at once. No node can be faster than this.
/// </summary>
internal static class CeilingServer
{
    private const long Available = 1_000_000_000;

    private static readonly KeyOwner Owner = new(
        new NamedRecord(1, "bench-environment-1"), new NamedRecord(1, "bench-project-1"), new NamedRecord(1, "bench-client"));

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
            provider => new GrpcDispatcher(
                methods, provider.GetRequiredService<CallWatch>(), provider.GetRequiredService<ILogger<GrpcDispatcher>>()));
    }

    private static ValueTask<GrpcResult<ValidateConsumeResponse>> Answer(ValidateRequest request, CancellationToken ct)
    {
        var check = CheckInput.Read(request, CheckKind.Consume);
        if (check.Message is null)
        {
            return new(check.Refusal!);
        }
        var now = TimeProvider.System.GetUtcNow();
        var answer = new CheckAnswer(RequestId.At(now), FailureCode.None, Owner, Available, now, Reservation: null);
        return new(new ValidateConsumeResponse
        {
            BaseResponse = CheckAnswers.ToResponse(answer),
            AvailableRequest = answer.AvailableRequests,
        });
    }
}
