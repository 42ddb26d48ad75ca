using System.Collections.Frozen;
using Pandora.Core.Health;
using Pandora.Protos.Health.V1;
using ServingStatus = Pandora.Protos.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Pandora.Core.Rpc;

/// <summary>grpc.health.v1.Health: says what REST health says; each service of ours is as healthy as the node.</summary>
internal sealed class HealthGrpc(HealthProbe probe, IHostApplicationLifetime lifetime, TimeProvider time)
{
    /// <summary>
    /// How often a watcher looks. With the age of a shared look and the five seconds that a look may take, a change is
    /// seen within eight seconds; ten are promised.
    /// </summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    /// <summary>How old a look may be that a watcher shares with others.</summary>
    private static readonly TimeSpan SharedFor = TimeSpan.FromSeconds(1);

    private static readonly FrozenSet<string> Names = FrozenSet.Create(
        StringComparer.Ordinal,
        "",
        "api_key.v1.APIKeyService",
        "request.v1.RequestService",
        "reservation.v1.ReservationService");

    private static readonly GrpcStatus UnknownName = new(GrpcCode.NotFound, "There is no such service.");

    private readonly Lock _lock = new();
    private Task<HealthReport>? _look;
    private long _lookedAt;

    public GrpcService Service => new GrpcService(HealthReflection.Descriptor)
        .Unary<HealthCheckRequest, HealthCheckResponse>("Check", HealthCheckRequest.Parser, Check)
        .Unary<HealthListRequest, HealthListResponse>("List", HealthListRequest.Parser, List)
        .ServerStream<HealthCheckRequest, HealthCheckResponse>("Watch", HealthCheckRequest.Parser, Watch);

    private async ValueTask<GrpcResult<HealthCheckResponse>> Check(HealthCheckRequest request, CancellationToken ct)
    {
        if (!Names.Contains(request.Service))
        {
            return UnknownName;
        }
        return new HealthCheckResponse { Status = StatusOf(await probe.CheckAsync(ct)) };
    }

    private async ValueTask<GrpcResult<HealthListResponse>> List(HealthListRequest request, CancellationToken ct)
    {
        var status = StatusOf(await probe.CheckAsync(ct));
        var response = new HealthListResponse();
        foreach (var name in Names)
        {
            response.Statuses.Add(name, new HealthCheckResponse { Status = status });
        }
        return response;
    }

    /// <summary>Ends well when the node stops, after having said so: an open stream would only hold up the stop.</summary>
    private async ValueTask<GrpcStatus> Watch(
        HealthCheckRequest request, GrpcStream<HealthCheckRequest, HealthCheckResponse> stream, CancellationToken ct)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(ct, lifetime.ApplicationStopping);
        var sent = ServingStatus.Unknown;
        try
        {
            if (!Names.Contains(request.Service))
            {
                sent = ServingStatus.ServiceUnknown;
                await stream.WriteAsync(new HealthCheckResponse { Status = sent }, ct);
                await Task.Delay(Timeout.InfiniteTimeSpan, time, ending.Token);
            }
            while (true)
            {
                var status = StatusOf(await LookAsync().WaitAsync(ending.Token));
                if (status != sent)
                {
                    sent = status;
                    await stream.WriteAsync(new HealthCheckResponse { Status = sent }, ct);
                }
                await Task.Delay(Interval, time, ending.Token);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            if (sent is ServingStatus.Serving or ServingStatus.Unknown)
            {
                await stream.WriteAsync(new HealthCheckResponse { Status = ServingStatus.NotServing }, ct);
            }
            return GrpcStatus.Ok;
        }
    }

    /// <summary>One look at the database serves all watchers, however many there are.</summary>
    private Task<HealthReport> LookAsync()
    {
        lock (_lock)
        {
            if (_look is null || (_look.IsCompleted && time.GetElapsedTime(_lookedAt) >= SharedFor))
            {
                _lookedAt = time.GetTimestamp();
                // No caller's token: a watcher that leaves must not end the look of the others. The probe has a limit.
                _look = probe.CheckAsync(CancellationToken.None);
            }
            return _look;
        }
    }

    private static ServingStatus StatusOf(HealthReport report) =>
        report.Status == HealthStatus.Down ? ServingStatus.NotServing : ServingStatus.Serving;
}
