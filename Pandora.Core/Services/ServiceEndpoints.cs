using Microsoft.EntityFrameworkCore;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.Services;

/// <summary>REST: services. Their request log is listed by the room of the requests.</summary>
internal static class ServiceEndpoints
{
    public static void MapServices(this IEndpointRouteBuilder api)
    {
        var services = api.MapGroup("").WithTags("Services");
        services.MapGet("/services", List).ProducesOk<Service[]>(422);
        services.MapPost("/services", Create).ProducesCreated<Service>(409, 413, 422);
        services.MapGet("/services/{id}", Get).ProducesOk<Service>(404, 422);
        services.MapDelete("/services/{id}", Delete).ProducesNoContent(404, 422);
        services.MapPatch("/services/{id}/status", SetStatus).ProducesOk<Service>(404, 413, 422);
    }

    private static async Task<IResult> List(Query<ServiceFilter> query, PandoraDb db, CancellationToken ct)
    {
        var rows = db.Services.AsNoTracking();
        if (query.Filter.Status is { } status)
        {
            rows = rows.Where(service => service.Status == status);
        }
        return await query.Page.AnswerAsync(rows, Service.Of, ct);
    }

    private static async Task<IResult> Create(Body<ServiceCreate> body, PandoraDb db, CancellationToken ct)
    {
        var service = new ServiceRow
        {
            Name = body.Value.Name,
            Version = body.Value.Version,
            Status = ServiceStatus.Enabled,
            CreatedAt = body.Now,
        };
        db.Services.Add(service);
        return await db.TrySaveAsync(ct) is null
            ? TypedResults.Created((string?)null, Service.Of(service))
            : Error.AlreadyExists("Service", ("name", service.Name), ("version", service.Version));
    }

    private static async Task<IResult> Get(PathId id, PandoraDb db, CancellationToken ct) =>
        await db.Services.AsNoTracking().FirstOrDefaultAsync(service => service.Id == id.Value, ct) is { } row
            ? TypedResults.Ok(Service.Of(row))
            : id.NotFound("Service");

    // The foreign key of the assignments decides, so that a service is never deleted while it is being assigned.
    private static async Task<IResult> Delete(PathId id, PandoraDb db, CancellationToken ct)
    {
        if (await db.Services.FirstOrDefaultAsync(service => service.Id == id.Value, ct) is not { } row)
        {
            return id.NotFound("Service");
        }
        db.Services.Remove(row);
        return await db.TrySaveAsync(ct) switch
        {
            null => TypedResults.NoContent(),
            PandoraDb.RowGone => id.NotFound("Service"),
            _ => Error.State("Service", $"Service with id {id.Value} is still on a project.", ("id", id.Value)),
        };
    }

    private static async Task<IResult> SetStatus(PathId id, Body<ServiceStatusUpdate> body, PandoraDb db, CancellationToken ct)
    {
        if (await db.Services.FirstOrDefaultAsync(service => service.Id == id.Value, ct) is not { } row)
        {
            return id.NotFound("Service");
        }
        row.Status = body.Value.Status;
        return await db.TrySaveAsync(ct) is null ? TypedResults.Ok(Service.Of(row)) : id.NotFound("Service");
    }
}
