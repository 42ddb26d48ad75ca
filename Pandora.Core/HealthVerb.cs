using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
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
    private const string GrpcOk = "0";
    private const string RestPath = "/api/v1/health";
    private const string GrpcPath = "/grpc.health.v1.Health/Check";

    /// <summary>Containers allow 10 s, in which this process has to start too. A node needs at most 5 s to answer.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(8);

    /// <summary>A message without fields, in its frame: the server as a whole is asked for.</summary>
    private static readonly byte[] WholeServer = [0, 0, 0, 0, 0];

    /// <summary>The answer SERVING, in its frame.</summary>
    private static readonly byte[] Serving = [0, 0, 0, 0, 2, 0x08, 0x01];

    /// <returns>The exit code: 0 when both are well, else 1.</returns>
    /// <exception cref="StartRefusedException">A port is not one.</exception>
    public static async Task<int> RunAsync(CancellationToken stop)
    {
        var (httpPort, grpcPort) = SettingsReader.ReadPorts(Variables.OfProcess());
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(Limit);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false })
        {
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = 65_536,
        };

        var rest = AskAsync(client, RestRequest(httpPort), RestFault, limit.Token);
        var grpc = AskAsync(client, GrpcRequest(grpcPort), GrpcFault, limit.Token);
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

    private static HttpRequestMessage RestRequest(int port) => new(HttpMethod.Get, AddressOf(port, RestPath));

    private static HttpRequestMessage GrpcRequest(int port)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, AddressOf(port, GrpcPath))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(WholeServer),
        };
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        return request;
    }

    private static Uri AddressOf(int port, string path) => new UriBuilder(Uri.UriSchemeHttp, IPAddress.Loopback.ToString(), port, path).Uri;

    /// <returns>What is wrong, in a few words. Null: nothing.</returns>
    private static async Task<string?> AskAsync(
        HttpClient client, HttpRequestMessage request, Func<HttpResponseMessage, byte[], string?> fault, CancellationToken ct)
    {
        using (request)
        {
            try
            {
                using var response = await client.SendAsync(request, ct);
                return fault(response, await response.Content.ReadAsByteArrayAsync(ct));
            }
            catch (OperationCanceledException)
            {
                return "no answer in time";
            }
            catch (HttpRequestException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
            {
                return "nobody listens";
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                return OneLine.Of(e.Message);
            }
        }
    }

    private static string? RestFault(HttpResponseMessage response, byte[] body) =>
        response.StatusCode == HttpStatusCode.OK ? null : $"status {(int)response.StatusCode}";

    private static string? GrpcFault(HttpResponseMessage response, byte[] body)
    {
        var status = Header(response.TrailingHeaders) ?? Header(response.Headers) ?? "missing";
        return status != GrpcOk ? $"grpc-status {OneLine.Of(status)}"
            : body.AsSpan().SequenceEqual(Serving) ? null
            : "NOT_SERVING";

        static string? Header(HttpHeaders headers) =>
            headers.TryGetValues("grpc-status", out var values) ? values.First() : null;
    }
}
