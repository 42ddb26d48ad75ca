using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Pandora.Core.Settings;
using Pandora.ServiceDefaults;

namespace Pandora.Core;

/// <summary>
/// <c>health</c>: asks the node on the configured ports of this machine how it is, over REST and over gRPC. For the health
/// check of a container, so it needs no other program, no password and little time.
/// </summary>
internal static class HealthVerb
{
    private const int Healthy = 0;
    private const int Unhealthy = 1;
    private const string RestPath = "/api/v1/health";

    /// <summary>Containers allow 10 s, in which this process has to start too. A node needs at most 5 s to answer.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(8);

    /// <returns>The exit code: 0 when both are well, else 1.</returns>
    /// <exception cref="StartRefusedException">A port is not one.</exception>
    public static async Task<int> RunAsync(CancellationToken stop)
    {
        var (httpPort, grpcPort) = SettingsReader.ReadPorts(Variables.OfProcess());
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(Limit);
        var rest = FaultOfAsync(AskRestAsync(httpPort, limit.Token));
        var grpc = FaultOfAsync(AskGrpcAsync(grpcPort, limit.Token));
        var (restFault, grpcFault) = (await rest, await grpc);

        var line = $"REST on port {httpPort}: {restFault ?? "OK"}; gRPC on port {grpcPort}: {grpcFault ?? "SERVING"}";
        if (restFault is null && grpcFault is null)
        {
            await Console.Out.WriteLineAsync(line);
            return Healthy;
        }
        await Console.Error.WriteLineAsync(line);
        return Unhealthy;
    }

    private static Uri AddressOf(int port, string path = "") => new UriBuilder(Uri.UriSchemeHttp, IPAddress.Loopback.ToString(), port, path).Uri;

    private static async Task<string?> AskRestAsync(int port, CancellationToken ct)
    {
        using var client = new HttpClient(NewHandler()) { Timeout = Timeout.InfiniteTimeSpan };
        using var response = await client.GetAsync(AddressOf(port, RestPath), HttpCompletionOption.ResponseHeadersRead, ct);
        return response.StatusCode == HttpStatusCode.OK ? null : $"status {(int)response.StatusCode}";
    }

    private static async Task<string?> AskGrpcAsync(int port, CancellationToken ct)
    {
        using var channel = GrpcChannel.ForAddress(AddressOf(port), new GrpcChannelOptions { HttpHandler = NewHandler(), DisposeHttpClient = true });
        var answer = await new Grpc.Health.V1.Health.HealthClient(channel).CheckAsync(new HealthCheckRequest(), cancellationToken: ct);
        return answer.Status == HealthCheckResponse.Types.ServingStatus.Serving ? null : "NOT_SERVING";
    }

    private static SocketsHttpHandler NewHandler() => new() { UseProxy = false, AllowAutoRedirect = false };

    /// <returns>What is wrong, in a few words. Null: nothing.</returns>
    private static async Task<string?> FaultOfAsync(Task<string?> asked)
    {
        try
        {
            return await asked;
        }
        catch (Exception e) when (e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            return "no answer in time";
        }
        catch (Exception e) when (e.GetBaseException() is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
        {
            return "nobody listens";
        }
        catch (Exception e) when (e is HttpRequestException or IOException or RpcException)
        {
            return OneLine.Of(e.Message);
        }
    }
}
