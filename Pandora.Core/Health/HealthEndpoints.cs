using System.Text.Json.Serialization;
using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.Health;

/// <summary>REST: whether this node can serve. Needs no token.</summary>
internal static class HealthEndpoints
{
    public static void MapHealth(this IEndpointRouteBuilder api) =>
        api.MapGet("/health", Get)
            .DisableHttpMetrics() // its callers are machines, and many
            .WithTags("Health")
            .ProducesOk<Health>()
            .Produces<Health>(StatusCodes.Status503ServiceUnavailable);

    private static async Task<IResult> Get(HealthProbe probe, TimeProvider time, CancellationToken ct)
    {
        var report = await probe.CheckAsync(ct);
        return TypedResults.Json(
            Health.Of(report, time.Now()),
            statusCode: report.Status == HealthStatus.Down ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
    }
}

/// <summary>How well this node can serve.</summary>
public sealed record Health(
    HealthChecks Check,
    [property: JsonConverter(typeof(UpperWordConverter<HealthStatus>))] HealthStatus Status,
    DateTimeOffset Timestamp)
{
    internal static Health Of(HealthReport report, DateTimeOffset now) =>
        new(new HealthChecks(new DatabaseHealth(report.Database, report.Message, report.LatencyMilliseconds)), report.Status, now);
}

/// <summary>One entry for each thing that was looked at.</summary>
public sealed record HealthChecks(DatabaseHealth Database);

/// <param name="Latency">Of a trivial query, in milliseconds; 0 unless the status is OK.</param>
public sealed record DatabaseHealth(
    [property: JsonConverter(typeof(UpperWordConverter<HealthStatus>))] HealthStatus Status,
    string Message,
    long Latency);
