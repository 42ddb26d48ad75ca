using Microsoft.EntityFrameworkCore;
using Pandora.Core.Persistence;
using Pandora.Core.Rest;

namespace Pandora.Core.Requests;

/// <summary>REST: the request log, as a whole and of one service.</summary>
internal static class RequestEndpoints
{
    public static void MapRequests(this IEndpointRouteBuilder api)
    {
        var log = api.MapGroup("").WithTags("Requests");
        log.MapGet("/requests", List).ProducesOk<Request[]>(422);
        log.MapGet("/requests/{id}", Get).ProducesOk<RequestDetail>(404, 422);
        log.MapGet("/services/{id}/requests", ListOfService).ProducesOk<Request[]>(404, 422);
    }

    private static async Task<IResult> List(Query<RequestFilter> query, PandoraDb db, CancellationToken ct)
    {
        var page = await RequestLog.PageAsync(db, query.Filter, query.Page, ct);
        return page.Answer(page.Rows);
    }

    private static async Task<IResult> Get(PathUuid id, PandoraDb db, CancellationToken ct) =>
        await RequestLog.DetailAsync(db, id.Value, ct) is { } detail ? TypedResults.Ok(detail) : id.NotFound("Request");

    private static async Task<IResult> ListOfService(
        PathId id, Query<ServiceRequestFilter> query, PandoraDb db, CancellationToken ct)
    {
        if (!await db.Services.AnyAsync(service => service.Id == id.Value, ct))
        {
            return id.NotFound("Service");
        }
        var page = await RequestLog.PageAsync(db, query.Filter.Of(id.Id), query.Page, ct);
        return page.Answer(page.Rows);
    }
}
