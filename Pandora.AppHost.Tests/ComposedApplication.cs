using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;
using Pandora.Tests.Harness;
using Pandora.Tests.Rpc;

namespace Pandora.AppHost.Tests;

/// <summary>
/// Everything the AppHost composes, running, with a database that goes with it. Needs Docker, unless
/// <c>ConnectionStrings__pandora</c> names a database; that has to be empty, because the first password is printed once.
/// </summary>
internal sealed class ComposedApplication : IAsyncDisposable
{
    private const string Node = "core";

    private readonly DirectoryInfo _keyMaterial;
    private readonly DistributedApplication _application;

    private ComposedApplication(DirectoryInfo keyMaterial, DistributedApplication application)
    {
        _keyMaterial = keyMaterial;
        _application = application;
    }

    /// <summary>Returns when the database is migrated and the node is healthy.</summary>
    public static async Task<ComposedApplication> StartAsync(CancellationToken ct)
    {
        var keyMaterial = Directory.CreateTempSubdirectory("pandora-apphost-");
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Pandora_AppHost>(
            ["--KeepData=false", $"--DataDirectory={keyMaterial.FullName}"], ct);
        var composed = new ComposedApplication(keyMaterial, await builder.BuildAsync(ct));
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
        _keyMaterial.Delete(recursive: true);
    }
}
