using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Pandora.Core.Health;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Operation;

/// <summary>The verb <c>health</c>, run as the health check of a container runs it.</summary>
public sealed class HealthVerbTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private static readonly string[] Health = ["health"];

    private int RestPort => pandora.Node.RestAddress.Port;

    private int GrpcPort => pandora.Node.GrpcAddress.Port;

    [Fact, Checklist(66)]
    public async Task A_node_that_serves_on_other_ports_is_healthy()
    {
        var (exitCode, output, errors) = await AskAsync(RestPort, GrpcPort);

        Assert.Equal(0, exitCode);
        Assert.Equal($"REST on port {RestPort}: OK; gRPC on port {GrpcPort}: SERVING", Assert.Single(output));
        Assert.Empty(errors);
    }

    [Fact, Checklist(66)]
    public async Task One_of_both_protocols_is_not_enough()
    {
        var (nobody, nobodyElse) = PandoraProcess.FreePorts();

        var restOnly = await AskAsync(RestPort, nobody);
        var grpcOnly = await AskAsync(nobody, GrpcPort);
        var none = await AskAsync(nobody, nobodyElse);
        var swapped = await AskAsync(GrpcPort, RestPort);

        ExpectUnhealthy(restOnly, $"REST on port {RestPort}: OK; gRPC on port {nobody}: nobody listens");
        ExpectUnhealthy(grpcOnly, $"REST on port {nobody}: nobody listens; gRPC on port {GrpcPort}: SERVING");
        ExpectUnhealthy(none, $"REST on port {nobody}: nobody listens; gRPC on port {nobodyElse}: nobody listens");
        Assert.Equal(1, swapped.ExitCode);
        Assert.Single(swapped.Errors);
    }

    [Fact]
    public async Task A_node_without_its_database_is_unhealthy()
    {
        await using var gone = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Username=x;Password=hidden;Database=x;Timeout=3");
        await using var node = await TestNode.StartAsync(
            pandora.Node.ConnectionString,
            pandora.Clock,
            pandora.Node.DataDirectory,
            adjust: builder => builder.Services.AddSingleton(new DatabaseHealthCheck(gone)));

        var both = await AskAsync(node.RestAddress.Port, node.GrpcAddress.Port);
        var grpc = await AskAsync(RestPort, node.GrpcAddress.Port);

        ExpectUnhealthy(both, $"REST on port {node.RestAddress.Port}: status 503; gRPC on port {node.GrpcAddress.Port}: NOT_SERVING");
        ExpectUnhealthy(grpc, $"REST on port {RestPort}: OK; gRPC on port {node.GrpcAddress.Port}: NOT_SERVING");
    }

    [Fact]
    public async Task A_port_that_never_answers_is_given_up_before_a_container_gives_up_the_check()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var port = ((IPEndPoint)silent.LocalEndpoint).Port;
        var started = Stopwatch.GetTimestamp();

        var answer = await AskAsync(port, GrpcPort);

        ExpectUnhealthy(answer, $"REST on port {port}: no answer in time; gRPC on port {GrpcPort}: SERVING");
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(20)); // 8, and a busy machine
    }

    [Fact]
    public async Task A_port_that_is_none_is_refused_as_at_a_start()
    {
        var (exitCode, output, errors) = await PandoraProcess.RunAsync(Health, folder: null, ("PANDORA_HTTP_PORT", "http"));

        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        Assert.Contains("PANDORA_HTTP_PORT", Assert.Single(errors), StringComparison.Ordinal);
    }

    private static Task<(int ExitCode, string[] Output, string[] Errors)> AskAsync(int restPort, int grpcPort) =>
        PandoraProcess.RunAsync(
            Health,
            folder: null,
            ("PANDORA_HTTP_PORT", restPort.ToString(CultureInfo.InvariantCulture)),
            ("PANDORA_GRPC_PORT", grpcPort.ToString(CultureInfo.InvariantCulture)),
            ("PANDORA_DB_PASSWORD", null),
            ("HTTP_PROXY", "http://127.0.0.1:1"));

    private static void ExpectUnhealthy((int ExitCode, string[] Output, string[] Errors) answer, string line)
    {
        Assert.Equal(1, answer.ExitCode);
        Assert.Empty(answer.Output);
        Assert.Equal(line, Assert.Single(answer.Errors));
    }
}
