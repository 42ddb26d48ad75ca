using System.Text.Json.Serialization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.Health;

/// <summary>Whether this node can serve: what REST and gRPC say about it comes from the same checks.</summary>
internal static class HealthEndpoints
{
    private const string Database = "database";

    /// <summary>Marks what matters to gRPC alone: all calls there write.</summary>
    private const string GrpcOnly = "grpc";

    public static void AddHealth(this IServiceCollection services)
    {
        services.AddSingleton<DatabaseHealthCheck>();
        services.AddHealthChecks()
            .AddCheck<DatabaseHealthCheck>(Database)
            .AddCheck<WritesHealthCheck>("writes", tags: [GrpcOnly])
            .AddCheck<ClockHealthCheck>("clock")
            .AddCheck<DrainingHealthCheck>("draining");
    }

    /// <summary>REST; needs no token.</summary>
    public static void MapHealth(this IEndpointRouteBuilder api) =>
        api.MapGet("/health", Get)
            .DisableHttpMetrics() // its callers are machines, and many
            .WithTags("Health")
            .ProducesOk<Health>()
            .Produces<Health>(StatusCodes.Status503ServiceUnavailable);

    private static async Task<IResult> Get(HealthCheckService checks, TimeProvider time, CancellationToken ct)
    {
        var report = await checks.CheckHealthAsync(check => !check.Tags.Contains(GrpcOnly), ct);
        return TypedResults.Json(
            Health.Of(report.Status, report.Entries[Database], time.Now()),
            statusCode: report.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
    }
}

/// <summary>How well something serves. The words on the wire are <c>OK</c>, <c>DEGRADED</c>, <c>DOWN</c>.</summary>
public enum ServingState
{
    Down = HealthStatus.Unhealthy,

    /// <summary>
    /// Of the database: it answers a ping but not a trivial query, or can be read but not written. Of the node: that, or its
    /// clock is far from the database's.
    /// </summary>
    Degraded = HealthStatus.Degraded,
    Ok = HealthStatus.Healthy,
}

/// <summary>How well this node can serve.</summary>
public sealed record Health(
    HealthChecks Check,
    [property: JsonConverter(typeof(UpperWordConverter<ServingState>))] ServingState Status,
    DateTimeOffset Timestamp)
{
    internal static Health Of(HealthStatus node, HealthReportEntry database, DateTimeOffset now)
    {
        var latency = database.Data.TryGetValue(DatabaseHealthCheck.Latency, out var value) ? (long)value : 0;
        return new(
            new HealthChecks(new DatabaseHealth((ServingState)database.Status, database.Description ?? "", latency)),
            (ServingState)node,
            now);
    }
}

/// <summary>One entry for each thing that was looked at.</summary>
public sealed record HealthChecks(DatabaseHealth Database);

/// <param name="Latency">Of a trivial query, in milliseconds; 0 unless the status is OK.</param>
public sealed record DatabaseHealth(
    [property: JsonConverter(typeof(UpperWordConverter<ServingState>))] ServingState Status,
    string Message,
    long Latency);
