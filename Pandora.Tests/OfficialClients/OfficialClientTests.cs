using System.Diagnostics;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using Pandora.Protos.ApiKey.V1;
using Pandora.Protos.Request.V1;
using Pandora.Protos.Reservation.V1;
using Pandora.Tests.Harness;

namespace Pandora.Tests.OfficialClients;

/// <summary>
/// The gRPC project's own clients against a node. They run where they are installed; on a build server they must be.
/// </summary>
public sealed class OfficialClientTests(PandoraFixture pandora) : IClassFixture<PandoraFixture>
{
    private const string Python = "/usr/bin/python3";

    private static readonly string JavaScriptModules = Repository.PathTo("artifacts", "grpc-clients");

    [Fact]
    public async Task The_python_client_needs_only_reflection_to_call_everything()
    {
        Need(File.Exists(Python) && (await RunAsync(Python, "-c", "import grpc")).ExitCode == 0, "python3-grpcio");
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 10);

        var (exitCode, output) = await RunAsync(
            Python, Script("check.py"), pandora.Node.GrpcAddress.Authority, subscription.Secret, subscription.ServiceName, Scenario.Version);

        Assert.True(exitCode == 0, output);
        const string Services =
            """["api_key.v1.APIKeyService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection", "request.v1.RequestService", "reservation.v1.ReservationService"]""";
        Assert.Equal(
            $$"""
            {"reflection": "grpc.reflection.v1", "services": {{Services}}}
            {"reflection": "grpc.reflection.v1alpha", "services": {{Services}}}
            {"health": 1}
            {"scheme": "http", "health": 1}
            {"scheme": "https", "health": 1}
            {"valid": true, "failure": "", "available": 9, "id": true}
            {"valid": true, "failure": "", "available": 8, "id": true}
            {"valid": true, "failure": "", "available": 5, "id": true}
            {"valid": false, "failure": "QUOTA_EXCEEDED", "available": 5, "id": true}
            {"valid": true, "project": true, "reset": true}
            {"repeated": true, "available": 4}
            {"reserved": true, "failure": "", "available": 0, "ends": true}
            {"reserved": true, "failure": "", "available": 0, "ends": true}
            {"reserved": false, "failure": "QUOTA_EXCEEDED", "available": 3, "ends": false}
            {"reported": true}
            {"status": "FAILED_PRECONDITION", "details": false}
            {"status": "INVALID_ARGUMENT", "details": true}
            {"status": "INVALID_ARGUMENT", "details": true}
            {"status": "INVALID_ARGUMENT", "details": true}
            {"status": "NOT_FOUND", "details": false}
            """,
            output.Trim());
    }

    [Fact]
    public async Task A_call_of_the_python_client_with_too_much_metadata_fails_alone()
    {
        Need(File.Exists(Python) && (await RunAsync(Python, "-c", "import grpc")).ExitCode == 0, "python3-grpcio");

        var (exitCode, output) = await RunAsync(Python, Script("metadata.py"), pandora.Node.GrpcAddress.Authority);

        Assert.True(exitCode == 0, output);
        Assert.Equal(
            """
            {"entries": 1, "size": 33000, "answered": true, "watched": true}
            {"entries": 1, "size": 64000, "answered": true, "watched": true}
            {"entries": 400, "size": 150, "answered": true, "watched": true}
            {"entries": 1, "size": 70000, "answered": false, "watched": true}
            {"entries": 10, "size": 7000, "answered": false, "watched": true}
            {"entries": 1, "size": 100000, "answered": false, "watched": true}
            {"entries": 2, "size": 100000, "answered": false, "watched": true}
            {"entries": 1, "size": 500000, "answered": false, "watched": true}
            {"entries": 3, "size": 300000, "answered": false, "watched": true}
            """,
            output.Trim());
    }

    [Fact]
    public async Task The_javascript_client_calls_from_the_proto_files()
    {
        Need(Directory.Exists(Path.Combine(JavaScriptModules, "node_modules", "@grpc", "grpc-js")), "@grpc/grpc-js");
        var subscription = await pandora.Scenario.SubscriptionAsync(quota: 3);

        var (exitCode, output) = await RunAsync(
            "node",
            Script("check.js"),
            JavaScriptModules,
            Repository.PathTo("protos"),
            pandora.Node.GrpcAddress.Authority,
            subscription.Secret,
            subscription.ServiceName,
            Scenario.Version);

        Assert.True(exitCode == 0, output);
        Assert.Equal(
            """
            {"health":"SERVING"}
            {"watch":"SERVICE_UNKNOWN"}
            {"valid":true,"failure":"","available":2}
            {"valid":true,"failure":"","available":1}
            {"valid":true,"failure":"","available":0}
            {"valid":false,"failure":"QUOTA_EXCEEDED","available":0}
            {"status":"INVALID_ARGUMENT","details":true}
            {"status":"FAILED_PRECONDITION","details":false}
            """,
            output.Trim());
    }

    [Fact]
    public async Task The_dotnet_client_calls_by_its_generated_classes_and_reads_the_details_of_a_refusal()
    {
        var ct = TestContext.Current.CancellationToken;
        var check = (await pandora.Scenario.SubscriptionAsync(quota: 3)).Request();
        using var channel = GrpcChannel.ForAddress(pandora.Node.GrpcAddress);
        var keys = new APIKeyService.APIKeyServiceClient(channel);
        var reservations = new ReservationService.ReservationServiceClient(channel);
        var deadline = DateTime.UtcNow.AddMinutes(1);

        Assert.True((await keys.ValidateAsync(check, deadline: deadline, cancellationToken: ct)).Valid);
        var passed = await keys.ValidateConsumeAsync(check, deadline: deadline, cancellationToken: ct);
        var reserved = await reservations.ReserveAsync(new ReserveRequest { Validate = check }, cancellationToken: ct);
        await reservations.RollbackAsync(
            new RollbackRequest { Params = new BaseReservationParams { Id = reserved.ReservationId } }, cancellationToken: ct);
        await new RequestService.RequestServiceClient(channel).UpdateExecutionStatusAsync(
            new UpdateExecutionStatusRequest { Id = passed.BaseResponse.RequestId, ExecutionStatus = "success", StatusCode = 200 },
            cancellationToken: ct);
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await keys.ValidateAsync(new ValidateRequest(), cancellationToken: ct));

        Assert.Equal((true, 2, true, 1), (passed.BaseResponse.Valid, passed.AvailableRequest, reserved.BaseResponse.Valid, reserved.AvailableRequest));
        Assert.Equal(
            ["api_key", "request", "service_name", "service_version"],
            refused.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(violation => violation.Field));
    }

    private static string Script(string name) => Repository.PathTo("Pandora.Tests", "OfficialClients", name);

    private static void Need(bool isInstalled, string what)
    {
        if (!isInstalled)
        {
            Assert.False(System.Environment.GetEnvironmentVariable("CI") == "true", $"{what} is not installed.");
            Assert.Skip($"{what} is not installed.");
        }
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var ct = TestContext.Current.CancellationToken;
        var output = process.StandardOutput.ReadToEndAsync(ct);
        var errors = process.StandardError.ReadToEndAsync(ct);
        await process.WaitForExitAsync(ct);
        return (process.ExitCode, (await output + await errors).ReplaceLineEndings("\n"));
    }
}
