using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Npgsql;
using Pandora.Core.Errors;
using Pandora.Core.Settings;
using Pandora.ServiceDefaults;

namespace Pandora.Core.Persistence.Migrations;

/// <summary>
/// Brings the schema to the version of this binary. Each migration is one transaction that takes the lock, looks what is
/// applied, applies the next one and notes it; so any number of nodes may try at once, a lost connection leaves
/// nothing half done, and a connection pooler in between does no harm.
/// </summary>
internal sealed partial class Migrator
{
    /// <summary>Any constant does, as long as every version of Pandora uses the same.</summary>
    private const long LockKey = 0x50_61_6E_64_6F_72_61; // "Pandora"

    private static readonly TimeSpan LockLimit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(5);

    private static readonly ActivitySource Spans = new(TelemetryExport.MigrationsName);

    private readonly NpgsqlDataSource _dataSource;
    private readonly ILogger _logger;
    private readonly IReadOnlyList<Migration> _migrations;

    private Migrator(NpgsqlDataSource dataSource, ILogger logger, IReadOnlyList<Migration> migrations)
    {
        _dataSource = dataSource;
        _logger = logger;
        _migrations = migrations;
    }

    /// <summary>Waits for the database, then migrates it; when it goes away in between, waits and goes on.</summary>
    /// <returns>The names of the migrations that this call applied.</returns>
    /// <exception cref="StartRefusedException">Not reached in time, or the schema is newer than this binary.</exception>
    public static Task<IReadOnlyList<string>> MigrateAsync(DatabaseAddress database, ILogger logger, CancellationToken ct) =>
        MigrateAsync(database, Migration.All, logger, ct);

    /// <inheritdoc cref="MigrateAsync(DatabaseAddress, ILogger, CancellationToken)"/>
    /// <param name="migrations">In the order of their versions.</param>
    public static async Task<IReadOnlyList<string>> MigrateAsync(
        DatabaseAddress database, IReadOnlyList<Migration> migrations, ILogger logger, CancellationToken ct)
    {
        using var span = Spans.StartActivity("migrate");
        await using var dataSource = DatabaseConnection.ForMigrations(database);
        var migrator = new Migrator(dataSource, logger, migrations);
        try
        {
            var applied = await migrator.ApplyAllAsync(ct);
            span?.SetTag("pandora.migrations.applied", applied.Count);
            return applied;
        }
        catch (Exception e)
        {
            span?.SetStatus(ActivityStatusCode.Error, e.GetType().Name);
            throw;
        }
    }

    private async Task<IReadOnlyList<string>> ApplyAllAsync(CancellationToken ct)
    {
        List<string> applied = [];
        const int attempts = 5;
        for (var attempt = 1; ; attempt++)
        {
            await DatabaseWait.ForAsync(_dataSource, _logger, ct);
            try
            {
                while (await ApplyNextAsync(ct) is { } name)
                {
                    applied.Add(name);
                }
                await RefuseWithoutRightsAsync(ct);
                return applied;
            }
            catch (Exception e) when (DatabaseFaults.IsUnavailable(e) && attempt < attempts)
            {
                Log.Interrupted(_logger, DatabaseWait.Reason(e));
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.InvalidSchemaName)
            {
                throw new StartRefusedException($"The database cannot be migrated: {DatabaseWait.Reason(e)}; {await RemedyAsync(ct)}");
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException)
            {
                throw new StartRefusedException($"The database cannot be migrated: {DatabaseWait.Reason(e)}");
            }
        }
    }

    /// <returns>The name of the migration it applied; null when none is left.</returns>
    private async Task<string?> ApplyNextAsync(CancellationToken ct)
    {
        await using var connection = await _dataSource.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await LockAsync(connection, ct);

        var applied = await ReadAppliedAsync(connection, ct);
        if (applied.Count > 0 && applied.Max() is var newest && newest > _migrations[^1].Version)
        {
            throw new StartRefusedException(
                $"The database has schema version {newest}, newer than {_migrations[^1].Version}, the newest this Pandora Core knows: start a version at least as new as the one that used the database before.");
        }
        if (_migrations.FirstOrDefault(migration => !applied.Contains(migration.Version)) is not { } next)
        {
            return null;
        }

        using var span = Spans.StartActivity($"migrate {next.Name}");
        Log.Applying(_logger, next.Name);
        var started = Stopwatch.GetTimestamp();
        await RunAsync(connection, next.Sql, ct);
        await NoteAsync(connection, next, ct);
        await transaction.CommitAsync(ct);
        Log.Applied(_logger, next.Name, (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        return next.Name;
    }

    /// <summary>Held until the transaction ends.</summary>
    private async Task LockAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        var nextProgress = ProgressEvery;
        await using var command = new NpgsqlCommand("SELECT pg_try_advisory_xact_lock($1)", connection);
        command.Parameters.AddWithValue(LockKey);
        while (!(bool)(await command.ExecuteScalarAsync(ct))!)
        {
            var waited = Stopwatch.GetElapsedTime(started);
            if (waited > LockLimit)
            {
                throw new StartRefusedException(
                    $"Another node has been migrating the database for more than {LockLimit.TotalMinutes:0} minutes: look there, then start again.");
            }
            if (waited > nextProgress)
            {
                Log.WaitingForMigration(_logger, (int)waited.TotalSeconds);
                nextProgress += ProgressEvery;
            }
            await Task.Delay(LockPause, ct);
        }
    }

    private static async Task<HashSet<int>> ReadAppliedAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        // Asked first: a role that may only use the tables must be able to start when there is nothing to do.
        await using var exists = new NpgsqlCommand("SELECT to_regclass('schema_migration') IS NOT NULL", connection);
        if (!(bool)(await exists.ExecuteScalarAsync(ct))!)
        {
            await RunAsync(
                connection,
                """
                CREATE TABLE schema_migration (
                    version    integer PRIMARY KEY,
                    name       text NOT NULL,
                    applied_at timestamptz NOT NULL
                )
                """,
                ct);
            return [];
        }

        HashSet<int> versions = [];
        await using var command = new NpgsqlCommand("SELECT version FROM schema_migration", connection);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            versions.Add(reader.GetInt32(0));
        }
        return versions;
    }

    /// <summary>What an administrator of the database has to run, for a role that may not change the schema.</summary>
    private async Task<string> RemedyAsync(CancellationToken ct)
    {
        await using var command = _dataSource.CreateCommand(
            """
            SELECT CASE WHEN noted.relowner <> role.oid
                        THEN format('an administrator gives it the tables with: REASSIGN OWNED BY %I TO %I', pg_get_userbyid(noted.relowner), role.rolname)
                        ELSE format('an administrator allows it with: GRANT USAGE, CREATE ON SCHEMA %I TO %I', coalesce(current_schema(), 'public'), role.rolname)
                   END
              FROM pg_roles role
              LEFT JOIN pg_class noted ON noted.oid = to_regclass('schema_migration')
             WHERE role.rolname = current_user
            """);
        return (string)(await command.ExecuteScalarAsync(ct))!;
    }

    /// <summary>A role that does not own the tables must be allowed to use them, or calls would fail one by one.</summary>
    private async Task RefuseWithoutRightsAsync(CancellationToken ct)
    {
        await using var command = _dataSource.CreateCommand(
            """
            SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', string_agg(quote_ident(relname), ', ' ORDER BY relname), current_user)
              FROM pg_class
             WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('schema_migration'))
               AND relname = ANY ($1) AND relkind IN ('r', 'p')
               AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                        AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))
            HAVING count(*) > 0
            """);
        command.Parameters.AddWithValue(_migrations.SelectMany(migration => migration.Tables).ToArray());
        if (await command.ExecuteScalarAsync(ct) is string grant)
        {
            throw new StartRefusedException($"The database's role may not use all tables of Pandora Core; their owner allows it with: {grant}.");
        }
    }

    private static async Task NoteAsync(NpgsqlConnection connection, Migration migration, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(
            "INSERT INTO schema_migration (version, name, applied_at) VALUES ($1, $2, now())", connection);
        command.Parameters.AddWithValue(migration.Version);
        command.Parameters.AddWithValue(migration.Name);
        await command.ExecuteNonQueryAsync(ct);
    }

    [SuppressMessage("Security", "CA2100", Justification = "The text is ours: a constant or a file of this assembly.")]
    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }

    private static partial class Log
    {
        [LoggerMessage(2110, LogLevel.Information, "Applied migration {Name} in {Milliseconds} ms.")]
        public static partial void Applied(ILogger logger, string name, long milliseconds);

        [LoggerMessage(2113, LogLevel.Information, "Applying migration {Name}.")]
        public static partial void Applying(ILogger logger, string name);

        [LoggerMessage(2111, LogLevel.Information, "Waiting for another node to migrate the database ({Waited} s).")]
        public static partial void WaitingForMigration(ILogger logger, int waited);

        [LoggerMessage(2112, LogLevel.Warning, "The database went away during the migration; trying again: {Reason}")]
        public static partial void Interrupted(ILogger logger, string reason);
    }
}
