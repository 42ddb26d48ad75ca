using Microsoft.EntityFrameworkCore;
using Pandora.Core.Errors;
using Pandora.Core.Persistence;
using Pandora.Core.Quotas;
using Pandora.Core.Rest;

namespace Pandora.Core.Clients;

/// <summary>REST: clients. Their projects are listed by the room of the projects.</summary>
internal static class ClientEndpoints
{
    public static void MapClients(this IEndpointRouteBuilder api)
    {
        var clients = api.MapGroup("").WithTags("Clients");
        clients.MapGet("/clients", List).ProducesOk<Client[]>(422);
        clients.MapPost("/clients", Create).ProducesCreated<Client>(409, 413, 422);
        clients.MapGet("/clients/{id}", Get).ProducesOk<Client>(404, 422);
        clients.MapPatch("/clients/{id}", Update).ProducesOk<Client>(404, 409, 413, 422);
        clients.MapDelete("/clients/{id}", Delete).ProducesNoContent(404, 422);
    }

    private static async Task<IResult> List(Query<ClientFilter> query, PandoraDb db, CancellationToken ct)
    {
        var rows = db.Clients.AsNoTracking();
        if (query.Filter.Type is { } type)
        {
            rows = rows.Where(client => client.Type == type);
        }
        return await query.Page.AnswerAsync(rows, Client.Of, ct);
    }

    private static async Task<IResult> Create(Body<ClientCreate> body, PandoraDb db, CancellationToken ct)
    {
        var input = body.Value;
        var client = new ClientRow
        {
            Type = input.Type,
            Name = input.Name,
            Email = input.Email,
            EmailFolded = Fold(input.Email),
            CreatedAt = body.Now,
        };
        db.Clients.Add(client);
        return await db.TrySaveAsync(ct) is { } constraint
            ? Taken(constraint, client.Name, client.Email)
            : TypedResults.Created((string?)null, Client.Of(client));
    }

    private static async Task<IResult> Get(PathId id, PandoraDb db, CancellationToken ct) =>
        await db.Clients.AsNoTracking().FirstOrDefaultAsync(client => client.Id == id.Value, ct) is { } row
            ? TypedResults.Ok(Client.Of(row))
            : id.NotFound("Client");

    // Only the changed columns are written, so that simultaneous updates of different properties all count.
    private static async Task<IResult> Update(PathId id, Body<ClientUpdate> body, PandoraDb db, CancellationToken ct)
    {
        if (await db.Clients.FirstOrDefaultAsync(client => client.Id == id.Value, ct) is not { } row)
        {
            return id.NotFound("Client");
        }
        row.Type = body.Value.Type ?? row.Type;
        row.Name = body.Value.Name ?? row.Name;
        row.Email = body.Value.Email ?? row.Email;
        row.EmailFolded = Fold(row.Email);
        return await db.TrySaveAsync(ct) switch
        {
            null => TypedResults.Ok(Client.Of(row)),
            PandoraDb.RowGone => id.NotFound("Client"),
            var constraint => Taken(constraint, row.Name, row.Email),
        };
    }

    private static async Task<IResult> Delete(PathId id, PandoraDb db, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.LockQuotasOfClientAsync(id.Value, ct);
        var deleted = await db.Clients.Where(client => client.Id == id.Value).ExecuteDeleteAsync(ct);
        await transaction.CommitAsync(ct);
        return deleted == 0 ? id.NotFound("Client") : TypedResults.NoContent();
    }

    private static string Fold(string email) => email.ToLowerInvariant();

    private static Error Taken(string constraint, string name, string email) =>
        constraint == "client_name_key"
            ? Error.AlreadyExists("Client", ("name", name))
            : Error.AlreadyExists("Client", ("email", email));
}
