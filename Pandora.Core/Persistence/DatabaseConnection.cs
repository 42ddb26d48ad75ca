using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Npgsql;
using Pandora.Core.Settings;

namespace Pandora.Core.Persistence;

/// <summary>
/// Turns the operator's connection string into the data sources of the product, one for each use. Every wait is bounded,
/// so that a database that stalls costs a caller seconds and never a thread.
/// </summary>
internal static class DatabaseConnection
{
    private const string ApplicationName = "pandora-core";

    /// <summary>How the server says yes.</summary>
    private const string On = "on";

    /// <summary>
    /// Seconds to connect, or to wait for a connection of the pool. A server that is stopped but not gone costs a command
    /// its own seconds and then these, because its cancellation travels over a connection of its own.
    /// </summary>
    private const int ConnectSeconds = 2;

    /// <summary>Seconds for one statement of the administration: with the above below the 8 s that an answer may take.</summary>
    private const int CommandSeconds = 5;

    /// <summary>Seconds for one statement of the gate: with the above the 5 s after which a caller must know.</summary>
    private const int GateCommandSeconds = 3;

    /// <summary>The ledger's writers use one connection each; the others may be in the middle of being given up.</summary>
    private const int LanesPoolSize = 8;

    private const int ReportsPoolSize = 8;

    /// <summary>The gate has few statements and sends each of them thousands of times.</summary>
    private const int GatePreparedStatements = 50;

    /// <summary>Milliseconds for the server to confirm a cancellation; then the connection is given up.</summary>
    private const int CancellationMilliseconds = 500;

    /// <summary>
    /// Seconds of silence after which the kernel probes a connection. Npgsql's own keepalive is not used: it blocks a
    /// thread for each idle connection while a server is silent.
    /// </summary>
    private const int TcpKeepAliveSeconds = 15;

    private const int TcpKeepAliveIntervalSeconds = 5;

    /// <summary>Seconds for which what is known of a host in a list is believed: a primary that was promoted must be found soon.</summary>
    private const int HostRecheckSeconds = 1;

    /// <summary>Unless the operator says otherwise: PostgreSQL allows 100 by default, and nodes share them.</summary>
    private const int MaxPoolSize = 40;

    /// <summary>Seconds for one statement of a migration, which may rewrite a large table.</summary>
    private const int MigrationSeconds = 3600;

    /// <summary>
    /// A transaction whose node has vanished must not hold its locks for long; and what is exact here is so under READ
    /// COMMITTED, whatever the database's own default. Made once for each connection: none is ever reset.
    /// </summary>
    private const string SessionSettings =
        "SET idle_in_transaction_session_timeout = '30s'; SET default_transaction_isolation = 'read committed'";

    /// <summary>
    /// The gate's few statements are planned once, for batches of any size, and always go row by row through an index: a
    /// plan made for a small or new database must not outlive it, and what takes a millisecond must not be compiled. A node that stands still in
    /// the middle of a transaction must not keep counters from the others for longer than they wait, nor one that is gone
    /// with half a batch sent.
    /// </summary>
    private const string GateSettings =
        SessionSettings +
        """
        ; SET plan_cache_mode = force_generic_plan; SET jit = off;
        SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
        SET idle_in_transaction_session_timeout = '3s';
        SET tcp_keepalives_idle = 3; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3
        """;

    /// <summary>
    /// One locked row must not have a whole group of reports or settlements give up: the server says in time that it is the
    /// lock, and the calls of the group are tried one by one.
    /// </summary>
    private const string ReportSettings = GateSettings + "; SET lock_timeout = '1s'";

    /// <summary>How many connections a node may have open at once, in all its pools.</summary>
    public static int MostConnections(DatabaseAddress database)
    {
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        int[] pools = [MaxPoolSize, LanesPoolSize, ReportsPoolSize];
        return pools.Sum(size => IsGiven(settings, "Maximum Pool Size") ? settings.MaxPoolSize : Math.Max(size, settings.MinPoolSize));
    }

    /// <summary>For the administration: pooled, short waits.</summary>
    /// <param name="readOnly">Told of sessions that cannot write, in which lists can still be read. Null: nobody asks.</param>
    public static NpgsqlDataSource ForCalls(DatabaseAddress database, ReadOnlySessions? readOnly = null) =>
        Pooled("administration", database, CommandSeconds, MaxPoolSize, SessionSettings, preparedStatements: 0, () => readOnly?.Note());

    /// <summary>For the writers of the ledger: likewise, with prepared statements and only in sessions that can write.</summary>
    public static NpgsqlDataSource ForLanes(DatabaseAddress database) =>
        Pooled("gate", database, GateCommandSeconds, LanesPoolSize, GateSettings, GatePreparedStatements, RefuseReadOnly);

    /// <summary>For reports of outcomes: likewise.</summary>
    public static NpgsqlDataSource ForReports(DatabaseAddress database) =>
        Pooled("reports", database, GateCommandSeconds, ReportsPoolSize, ReportSettings, GatePreparedStatements, RefuseReadOnly);

    /// <param name="name">What metrics call the pool; by default they would show the connection string.</param>
    /// <param name="session">The first statement of each connection, which sets up its session.</param>
    /// <param name="onReadOnly">
    /// Called for a new connection whose session cannot write, which it might never be able to, even when the database has
    /// changed. What it throws keeps the connection out of the pool.
    /// </param>
    [SuppressMessage("Security", "CA2100", Justification = "The text is one of the constants above.")]
    private static NpgsqlDataSource Pooled(
        string name, DatabaseAddress database, int commandSeconds, int poolSize, string session, int preparedStatements, Action onReadOnly)
    {
        const string thenAsk = "; SHOW transaction_read_only";
        var settings = Bounded(database);
        settings.CommandTimeout = commandSeconds;
        settings.CancellationTimeout = CancellationMilliseconds;
        settings.NoResetOnClose = true; // a reset would undo the session settings; an open transaction is rolled back anyway
        if (!IsGiven(settings, "TCP Keepalive") && !HasSocketDirectory(settings))
        {
            settings.TcpKeepAlive = true;
            settings.TcpKeepAliveTime = settings.TcpKeepAliveTime > 0 ? settings.TcpKeepAliveTime : TcpKeepAliveSeconds;
            settings.TcpKeepAliveInterval = settings.TcpKeepAliveInterval > 0 ? settings.TcpKeepAliveInterval : TcpKeepAliveIntervalSeconds;
        }
        if (!IsGiven(settings, "Maximum Pool Size"))
        {
            settings.MaxPoolSize = Math.Max(poolSize, settings.MinPoolSize);
        }
        if (!IsGiven(settings, "Max Auto Prepare"))
        {
            settings.MaxAutoPrepare = preparedStatements;
            settings.AutoPrepareMinUsages = 2;
        }

        var builder = Named(name, settings, leavesSpans: true);
        // By statement and not by start-up option, which connection poolers refuse.
        builder.UsePhysicalConnectionInitializer(
            connection =>
            {
                using var begin = new NpgsqlCommand(session + thenAsk, connection);
                if (begin.ExecuteScalar() is On)
                {
                    onReadOnly();
                }
            },
            async connection =>
            {
                await using var begin = new NpgsqlCommand(session + thenAsk, connection);
                if (await begin.ExecuteScalarAsync() is On)
                {
                    onReadOnly();
                }
            });
        return database.Build(builder);
    }

    /// <summary>
    /// Statements leave a span only below one that is recorded: what runs in the background would be a trace of its own
    /// each time.
    /// </summary>
    private static NpgsqlDataSourceBuilder Named(string name, NpgsqlConnectionStringBuilder settings, bool leavesSpans) =>
        new NpgsqlDataSourceBuilder(settings.ConnectionString) { Name = name }.ConfigureTracing(spans => spans
            .ConfigureCommandFilter(_ => leavesSpans && Activity.Current is { Recorded: true })
            .ConfigureBatchFilter(_ => leavesSpans && Activity.Current is { Recorded: true })
            .EnablePhysicalOpenTracing(false));

    private static void RefuseReadOnly() => throw new NpgsqlException("The database is read-only.");

    /// <summary>For the start: one connection at a time, no pool, statements may take long.</summary>
    public static NpgsqlDataSource ForMigrations(DatabaseAddress database) => Unpooled("migrations", database, MigrationSeconds);

    /// <summary>For the proof of the books: one connection, whose statements may take as long as the log is large.</summary>
    public static NpgsqlDataSource ForVerification(DatabaseAddress database) => Unpooled("verification", database, commandSeconds: 0);

    /// <summary>For a command of the operator: one connection, short waits.</summary>
    public static NpgsqlDataSource ForOperator(DatabaseAddress database) => Unpooled("operator", database, CommandSeconds);

    private static NpgsqlDataSource Unpooled(string name, DatabaseAddress database, int commandSeconds)
    {
        var settings = Bounded(database);
        settings.CommandTimeout = commandSeconds;
        settings.TcpKeepAlive = !HasSocketDirectory(settings);
        settings.Pooling = false;
        settings.MinPoolSize = 0;
        return database.Build(Named(name, settings, leavesSpans: false));
    }

    private static NpgsqlConnectionStringBuilder Bounded(DatabaseAddress database)
    {
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        settings.Timeout = settings.Timeout is > 0 and < ConnectSeconds ? settings.Timeout : ConnectSeconds;
        settings.ApplicationName ??= ApplicationName;
        settings.IncludeErrorDetail = false;
        settings.IncludeFailedBatchedCommand = false;
        settings.LogParameters = false;
        settings.PersistSecurityInfo = false;
        settings.Enlist = false;
        settings.Encoding = settings.ClientEncoding = "UTF8"; // whatever the environment says: texts of callers hold anything
        if (HasSocketDirectory(settings))
        {
            // These options are TCP's, and opening a socket would fail with them.
            (settings.TcpKeepAlive, settings.TcpKeepAliveTime, settings.TcpKeepAliveInterval) = (false, 0, 0);
        }
        else if (settings is { TcpKeepAliveInterval: > 0, TcpKeepAliveTime: 0 })
        {
            settings.TcpKeepAliveTime = TcpKeepAliveSeconds; // Npgsql takes the one only with the other
        }
        if (!IsGiven(settings, "Host Recheck Seconds"))
        {
            settings.HostRecheckSeconds = HostRecheckSeconds;
        }
        if (!IsGiven(settings, "GSS Encryption Mode"))
        {
            // Otherwise every connection first looks for a Kerberos library.
            settings.GssEncryptionMode = GssEncryptionMode.Disable;
        }
        return settings;
    }

    private static bool HasSocketDirectory(NpgsqlConnectionStringBuilder settings) =>
        settings.Host?.Split(',', StringSplitOptions.TrimEntries).Any(host => host is ['/' or '@', ..]) == true;

    private static bool IsGiven(NpgsqlConnectionStringBuilder settings, string keyword) => settings.ShouldSerialize(keyword);
}
