using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.AppHost.Tests;

/// <summary>Everything the AppHost composes, running on free ports, with a collector in place of the dashboard.</summary>
internal sealed class ComposedApplication : IAsyncDisposable
{
    private const string Node = "core";

    private readonly DirectoryInfo _data;
    private readonly DistributedApplication _application;

    private ComposedApplication(DirectoryInfo data, OtlpReceiver collector, DistributedApplication application)
    {
        _data = data;
        Collector = collector;
        _application = application;
    }

    /// <summary>Gets what the resources export.</summary>
    public OtlpReceiver Collector { get; }

    /// <summary>Returns when the database is migrated and the node is healthy.</summary>
    /// <param name="database">Arguments that choose it. It must be empty, because the first password is printed once.</param>
    public static async Task<ComposedApplication> StartAsync(string[] database, CancellationToken ct)
    {
        var data = Directory.CreateTempSubdirectory("pandora-apphost-");
        var collector = await OtlpReceiver.StartAsync();
        // Not disposed of: that would end the services of the application, which does it itself.
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Pandora_AppHost>(
            [
                .. database,
                "--KeepData=false",
                $"--DataDirectory={data.FullName}",
                $"--ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL={collector.GrpcEndpoint}",
                // Given, so that the developer's own secrets are neither used nor made.
                $"--Parameters:jwt-secret={Guid.NewGuid():N}",
                $"--Parameters:postgres-password={Guid.NewGuid():N}",
            ],
            ct);
        var composed = new ComposedApplication(data, collector, await builder.BuildAsync(ct));
        try
        {
            await composed._application.StartAsync(ct);
            await composed._application.ResourceNotifications.WaitForResourceHealthyAsync(Node, ct);
            return composed;
        }
        catch
        {
            await composed.DisposeAsync();
            throw;
        }
    }

    public RestClient OpenRest() => new(_application.GetEndpoint(Node, "http"));

    public GrpcClient OpenGrpc() => new(_application.GetEndpoint(Node, "grpc"));

    /// <summary>Returns when a resource is healthy, at once if it is.</summary>
    public Task UntilHealthyAsync(string resource, CancellationToken ct) =>
        _application.ResourceNotifications.WaitForResourceHealthyAsync(resource, ct);

    /// <summary>The state a resource reaches at last, such as <c>Finished</c>.</summary>
    public Task<string> WaitForEndOfAsync(string resource, CancellationToken ct) =>
        _application.ResourceNotifications.WaitForResourceAsync(resource, KnownResourceStates.TerminalStates, ct);

    /// <summary>Reads it where a developer does: in the node's standard output, which the dashboard shows.</summary>
    public async Task<string> ReadFirstPasswordAsync(CancellationToken ct)
    {
        var node = _application.Services.GetRequiredService<DistributedApplicationModel>().Resources.Single(resource => resource.Name == Node);
        var logs = _application.Services.GetRequiredService<ResourceLoggerService>();
        await foreach (var lines in logs.WatchAsync(node).WithCancellation(ct))
        {
            // The host puts a time in front of each line.
            if (lines.Select(line => line.Content.Split("        - Password: ")).FirstOrDefault(parts => parts.Length == 2) is [_, var password])
            {
                return password.Trim();
            }
        }
        throw new InvalidOperationException("The node ended without printing a first password.");
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        await Collector.DisposeAsync();
        _data.Delete(recursive: true);
    }
}
