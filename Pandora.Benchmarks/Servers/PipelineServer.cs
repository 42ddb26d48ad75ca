using System.Globalization;
using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Pandora.Core;
using Pandora.Protos.ApiKey.V1;

namespace Pandora.Benchmarks.Servers;

/// <summary>
/// The method of the ceiling, served by Grpc.AspNetCore as its documentation says. Between this and
/// <see cref="CeilingServer"/> lies what the library and the host's pipeline take.
/// </summary>
internal static class PipelineServer
{
    public static async Task<int> RunAsync()
    {
        var stop = StopSignal.Listen();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        await using var app = builder.Build();
        app.MapGrpcService<Service>();
        await app.StartAsync(stop);
        ChildLines.Reply(string.Create(CultureInfo.InvariantCulture, $"{new Uri(app.Urls.Single()).Port} "));
        await ServedNode.AnswerParentAsync();
        return 0;
    }

    private sealed class Service : APIKeyService.APIKeyServiceBase
    {
        public override Task<ValidateConsumeResponse> ValidateConsume(ValidateRequest request, ServerCallContext context) =>
            Task.FromResult(CeilingMethod.Answer(request));
    }
}
