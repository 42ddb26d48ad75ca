using System.Text.Json.Serialization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Pandora.Core.EmbeddedPostgres;
using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.Health;

/// <summary>Whether this node can serve: what REST and gRPC say about it comes from the same checks.</summary>
internal static class HealthEndpoints
{
    private const string Database = "database";
    private const string Disk = "disk";

    /// <summary>Marks what matters to gRPC alone: all calls there write.</summary>
    private const string GrpcOnly = "grpc";

    /// <param name="diskOf">The data directory of the private database. Null: there is none, and its disk is another's care.</param>
    public static void AddHealth(this IServiceCollection services, string? diskOf)
    {
        services.AddSingleton<DatabaseHealthCheck>();
        var checks = services.AddHealthChecks()
            .AddCheck<DatabaseHealthCheck>(Database)
            .AddCheck<WritesHealthCheck>("writes", tags: [GrpcOnly])
            .AddCheck<ClockHealthCheck>("clock")
            .AddCheck<DrainingHealthCheck>("draining");
        if (diskOf is not null)
        {
            services.AddSingleton(provider => ActivatorUtilities.CreateInstance<DatabaseDisk>(provider, diskOf));
            checks.AddCheck<DiskHealthCheck>(Disk);
        }
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
            Health.Of(report.Status, DatabaseOf(report), time.Now()),
            statusCode: report.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
    }

    /// <summary>What is said of the database. Its disk has the word as long as it answers.</summary>
    private static HealthReportEntry DatabaseOf(HealthReport report)
    {
        var database = report.Entries[Database];
        return database.Status == HealthStatus.Healthy && report.Entries.TryGetValue(Disk, out var disk) && disk.Status != HealthStatus.Healthy
            ? disk
            : database;
    }
}

/// <summary>How well something serves. The words on the wire are <c>OK</c>, <c>DEGRADED</c>, <c>DOWN</c>.</summary>
public enum ServingState
{
    Down = HealthStatus.Unhealthy,

    /// <summary>
    /// Of the database: it answers a ping but not a trivial query, can be read but not written, or has next to no room left
    /// on its disk. Of the node: that, or its clock is far from the database's.
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
