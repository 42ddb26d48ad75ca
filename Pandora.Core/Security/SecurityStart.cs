using Npgsql;
using Pandora.Core.Keys;
using Pandora.Core.Settings;

namespace Pandora.Core.Security;

/// <summary>
/// What this node agrees on with the others before it serves: the pepper of the look-up hashes, the key material, and the
/// account of the administrator.
/// </summary>
internal sealed partial class SecurityStart(
    NpgsqlDataSource dataSource,
    PandoraSettings settings,
    ApiKeyHasher hasher,
    KeyMaterialFiles files,
    KeyRing ring,
    AdminAccounts accounts,
    ILogger<SecurityStart> logger)
{
    /// <summary>Name of the row of <c>installation</c> that tells under which pepper the stored keys are hashed.</summary>
    public const string PepperMark = "api_key_pepper";

    private const string MaterialMark = "key_material";

    /// <summary>Runs once, after the migrations and before the ports are bound.</summary>
    /// <param name="print">Gets the credentials of a first start, in one call.</param>
    /// <exception cref="StartRefusedException">The pepper is another one, or the key material cannot be written.</exception>
    public async Task RunAsync(Action<string> print, CancellationToken ct)
    {
        await AgreeAsync(ct);
        await accounts.CreateFirstAsync(print, ct);
        if (settings.JwtSecret is null)
        {
            Log.RandomTokenSecret(logger);
        }
    }

    private async Task AgreeAsync(CancellationToken ct)
    {
        await using var connection = await dataSource.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        // One node at a time: the first one decides, the others find what it decided.
        await using var turn = new NpgsqlCommand("LOCK TABLE installation IN SHARE ROW EXCLUSIVE MODE", connection);
        await turn.ExecuteNonQueryAsync(ct);
        var pepper = await ReadAsync(connection, PepperMark, ct);
        var material = await ReadAsync(connection, MaterialMark, ct);

        if (pepper != hasher.PepperMark && await AnyKeyAsync(connection, ct))
        {
            throw new StartRefusedException(
                "PANDORA_API_KEY_PEPPER is not the one (or none) that the stored API keys were written with; set that one.");
        }
        await WriteAsync(connection, PepperMark, hasher.PepperMark, ct);
        if (material is null)
        {
            await WriteAsync(connection, MaterialMark, TakeMaterial(), ct);
        }
        else if (!ring.TryUse(material))
        {
            Log.MaterialMissing(logger, files.PathOf(material));
        }
        await transaction.CommitAsync(ct);
    }

    private string TakeMaterial()
    {
        try
        {
            return ring.UseAny();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException(
                $"PANDORA_DIR ({settings.DataDirectory}) must be a writable directory; the key material cannot be kept there: {e.Message}");
        }
    }

    private static async Task<bool> AnyKeyAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand("SELECT EXISTS (SELECT 1 FROM api_key)", connection);
        return (bool)(await command.ExecuteScalarAsync(ct))!;
    }

    // The row lock waits for keys being created under the mark: either they count here, or they see the new mark.
    private static async Task<string?> ReadAsync(NpgsqlConnection connection, string name, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand("SELECT value FROM installation WHERE name = $1 FOR UPDATE", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        return (string?)await command.ExecuteScalarAsync(ct);
    }

    private static async Task WriteAsync(NpgsqlConnection connection, string name, string value, CancellationToken ct)
    {
        const string Sql = "INSERT INTO installation VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value";
        await using var command = new NpgsqlCommand(Sql, connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = value });
        await command.ExecuteNonQueryAsync(ct);
    }

    private static partial class Log
    {
        [LoggerMessage(3021, LogLevel.Warning, "PANDORA_JWT_SECRET is not set: tokens are valid on this node only and end with this process")]
        public static partial void RandomTokenSecret(ILogger logger);

        [LoggerMessage(3022, LogLevel.Warning, "{Path} is missing: this node checks keys as usual but cannot reveal those encrypted with it; copy the file from another node or a backup")]
        public static partial void MaterialMissing(ILogger logger, string path);
    }
}
