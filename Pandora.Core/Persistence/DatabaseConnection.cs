using Npgsql;

namespace Pandora.Core.Persistence;

/// <summary>
/// Turns the operator's connection string into the product's two ways to connect. Every wait is bounded, so that a
/// database that stalls costs a caller seconds and never a thread.
/// </summary>
internal static class DatabaseConnection
{
    private const string ApplicationName = "pandora-core";

    /// <summary>Seconds to connect, or to wait for a connection of the pool; together with a command below the 8 s an answer may take.</summary>
    private const int ConnectSeconds = 3;

    /// <summary>Seconds for one statement of a call.</summary>
    private const int CommandSeconds = 4;

    /// <summary>Milliseconds for the server to confirm a cancellation; then the connection is given up.</summary>
    private const int CancellationMilliseconds = 500;

    /// <summary>Seconds after which an idle connection is tried, so that one that died in silence is found early.</summary>
    private const int KeepAliveSeconds = 15;

    /// <summary>Unless the operator says otherwise: PostgreSQL allows 100 by default, and nodes share them.</summary>
    private const int MaxPoolSize = 40;

    /// <summary>Seconds for one statement of a migration, which may rewrite a large table.</summary>
    private const int MigrationSeconds = 3600;

    /// <summary>A transaction whose node has vanished must not hold its locks for long.</summary>
    private const string SessionSettings = "SET idle_in_transaction_session_timeout = '30s'";

    /// <summary>For everything that serves calls: pooled, short waits.</summary>
    public static NpgsqlDataSource ForCalls(string connectionString)
    {
        var settings = Bounded(connectionString);
        settings.CommandTimeout = CommandSeconds;
        settings.CancellationTimeout = CancellationMilliseconds;
        if (!IsGiven(settings, "Keepalive"))
        {
            settings.KeepAlive = KeepAliveSeconds;
        }
        if (!IsGiven(settings, "Maximum Pool Size"))
        {
            settings.MaxPoolSize = Math.Max(MaxPoolSize, settings.MinPoolSize);
        }

        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        // By statement and not by start-up option, which connection poolers refuse.
        builder.UsePhysicalConnectionInitializer(Initialize, InitializeAsync);
        return builder.Build();
    }

    /// <summary>For the start: one connection at a time, no pool, statements may take long.</summary>
    public static NpgsqlDataSource ForMigrations(string connectionString)
    {
        var settings = Bounded(connectionString);
        settings.CommandTimeout = MigrationSeconds;
        settings.TcpKeepAlive = true;
        settings.Pooling = false;
        settings.MinPoolSize = 0;
        return new NpgsqlDataSourceBuilder(settings.ConnectionString).Build();
    }

    private static NpgsqlConnectionStringBuilder Bounded(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        settings.Timeout = settings.Timeout is > 0 and < ConnectSeconds ? settings.Timeout : ConnectSeconds;
        settings.ApplicationName ??= ApplicationName;
        settings.IncludeErrorDetail = false;
        settings.IncludeFailedBatchedCommand = false;
        settings.LogParameters = false;
        settings.PersistSecurityInfo = false;
        settings.Enlist = false;
        if (!IsGiven(settings, "GSS Encryption Mode"))
        {
            // Otherwise every connection first looks for a Kerberos library.
            settings.GssEncryptionMode = GssEncryptionMode.Disable;
        }
        return settings;
    }

    private static bool IsGiven(NpgsqlConnectionStringBuilder settings, string keyword) => settings.ShouldSerialize(keyword);

    private static void Initialize(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand(SessionSettings, connection);
        command.ExecuteNonQuery();
    }

    private static async Task InitializeAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(SessionSettings, connection);
        await command.ExecuteNonQueryAsync();
    }
}
