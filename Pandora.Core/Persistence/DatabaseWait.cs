using System.Diagnostics;
using System.Net.Sockets;
using Npgsql;
using Pandora.Core.Errors;
using Pandora.Core.Settings;

namespace Pandora.Core.Persistence;

/// <summary>Why a database cannot be used now, for the operator.</summary>
/// <param name="MayHeal">Whether it may become usable without anybody's changing our settings or its.</param>
internal sealed record DatabaseObstacle(string Reason, bool MayHeal);

/// <summary>Waits at start until the database can be used. What will not heal by itself is not waited for.</summary>
internal static partial class DatabaseWait
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <exception cref="StartRefusedException">Not within 60 s, or never.</exception>
    public static async Task ForAsync(NpgsqlDataSource dataSource, ILogger logger, CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        var nextProgress = TimeSpan.Zero;
        while (await TryAsync(dataSource, ct) is { } obstacle)
        {
            if (!obstacle.MayHeal)
            {
                throw new StartRefusedException($"The database cannot be used: {obstacle.Reason}");
            }
            var waited = Stopwatch.GetElapsedTime(started);
            if (waited + Pause >= Limit)
            {
                throw new StartRefusedException($"The database could not be used within {Limit.TotalSeconds:0} s: {obstacle.Reason}");
            }
            if (waited >= nextProgress)
            {
                Log.WaitingForDatabase(logger, (int)waited.TotalSeconds, (int)Limit.TotalSeconds, obstacle.Reason);
                nextProgress = waited + ProgressEvery;
            }
            await Task.Delay(Pause, ct);
        }
    }

    /// <returns>Why the database cannot be used now; null when it can.</returns>
    private static async Task<DatabaseObstacle?> TryAsync(NpgsqlDataSource dataSource, CancellationToken ct)
    {
        try
        {
            await using var connection = await dataSource.OpenConnectionAsync(ct);
            return await DatabaseProbe.LookAsync(dataSource, connection, ct);
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            return new DatabaseObstacle(Reason(e) + RemedyFor(e, dataSource), MayHeal(e));
        }
    }

    /// <summary>One line for the operator, who may know host and role; drivers never put a password in it.</summary>
    public static string Reason(Exception exception) => exception switch
    {
        PostgresException postgres => $"{postgres.MessageText} ({postgres.SqlState})".ReplaceLineEndings(" "),
        { InnerException: AggregateException { InnerExceptions: [_, _, ..] several } } =>
            string.Join("; ", several.Select(Reason).Distinct()),
        { InnerException: { } inner } => $"{exception.Message} ({inner.Message})".ReplaceLineEndings(" "),
        _ => exception.Message.ReplaceLineEndings(" "),
    };

    /// <summary>
    /// A server that is away, starting or full, or that does not listen yet, may be there in a moment. One that does not
    /// accept our name, password or certificate, or has no such database, will not change its mind.
    /// </summary>
    private static bool MayHeal(Exception exception) => exception switch
    {
        PostgresException postgres => DatabaseFaults.IsUnavailable(postgres) && !IsRefusalOfUs(postgres.SqlState),
        AggregateException several => several.InnerExceptions.Any(MayHeal), // one of several hosts
        NpgsqlException { InnerException: AggregateException several } => MayHeal(several),
        NpgsqlException { IsTransient: false } npgsql => IsNoSuitableHost(npgsql),
        _ => exception is NpgsqlException or TimeoutException or IOException or SocketException or OperationCanceledException,
    };

    /// <summary>Those of a list are all away, or none is what was asked for. Npgsql says so in words alone.</summary>
    private static bool IsNoSuitableHost(NpgsqlException exception) =>
        exception.Message.StartsWith("No suitable host", StringComparison.Ordinal);

    private static bool IsRefusalOfUs(string sqlState) =>
        sqlState.StartsWith("28", StringComparison.Ordinal) || sqlState == PostgresErrorCodes.InvalidCatalogName;

    private static string RemedyFor(Exception exception, NpgsqlDataSource dataSource)
    {
        var settings = new NpgsqlConnectionStringBuilder(dataSource.ConnectionString);
        var (database, role) = (Quoted(settings.Database ?? settings.Username), Quoted(settings.Username));
        return (exception as PostgresException)?.SqlState switch
        {
            PostgresErrorCodes.InvalidCatalogName => $"; its server makes it with: CREATE DATABASE {database} OWNER {role} ENCODING 'UTF8' TEMPLATE template0",
            PostgresErrorCodes.InsufficientPrivilege => $"; its owner allows it with: GRANT CONNECT ON DATABASE {database} TO {role}",
            _ => "",
        };
    }

    private static string Quoted(string? name) => name is null ? "…" : new NpgsqlCommandBuilder().QuoteIdentifier(name);

    private static partial class Log
    {
        [LoggerMessage(2100, LogLevel.Information, "Waiting for the database ({Waited} of {Limit} s): {Reason}")]
        public static partial void WaitingForDatabase(ILogger logger, int waited, int limit, string reason);
    }
}
