using System.ComponentModel;
using System.Diagnostics;
using Npgsql;
using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>
/// A PostgreSQL of our own: created on the first start, started, watched, restarted when it dies, and stopped with us.
/// </summary>
internal sealed partial class PrivatePostgres(
    PrivatePostgresOptions options, Cluster cluster, PostgresBinaries binaries, ILogger logger, IDisposable @lock) : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan RestartPause = TimeSpan.FromMilliseconds(250);

    private readonly ServerAddress _address =
        options.Port is { } port ? ServerAddress.OnLoopback(port) : ServerAddress.For(cluster.SocketDirectory);

    private readonly string _superuserPassword = cluster.ReadSuperuserPassword();
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IDisposable? _lock = @lock;
    private Task _watch = Task.CompletedTask;

    /// <summary>Completes when the server died and could not be brought back.</summary>
    public Task Lost => _lost.Task;

    /// <summary>The directory of the programs it runs.</summary>
    public string BinariesDirectory => binaries.Directory;

    /// <summary>Of the product's database for the product's role.</summary>
    public DatabaseAddress Address =>
        _address.For(options.Database.User, options.Database.Password, options.Database.Name, pooling: true);

    /// <summary>To the product's database as the product's role, unless a name or the password ends with a line break.</summary>
    public string ConnectionString => ConnectionStringFor(options.Database.Name);

    /// <summary>To another database as the product's role.</summary>
    public string ConnectionStringFor(string database) =>
        _address.ConnectionString(options.Database.User, options.Database.Password, database, pooling: true);

    /// <summary>As the superuser, for what the product's role may not do: making databases, in our tests for example.</summary>
    public string SuperuserConnectionStringFor(string database) =>
        _address.ConnectionString(Cluster.Superuser, _superuserPassword, database, pooling: false);

    /// <param name="stopLimit">Tells, when the time has come, how long stopping may take.</param>
    /// <param name="port">Where it listens on the loopback interface. Null: on a socket, if that can be.</param>
    /// <returns>Null when the operator has chosen an external server.</returns>
    /// <inheritdoc cref="StartAsync(PrivatePostgresOptions, ILogger, CancellationToken)"/>
    public static async Task<PrivatePostgres?> StartIfChosenAsync(
        PandoraSettings settings, Func<TimeSpan> stopLimit, ILogger logger, CancellationToken ct, int? port = null) =>
        settings.Database is not DatabaseSettings.Embedded embedded
            ? null
            : await StartAsync(
                new PrivatePostgresOptions { DataDirectory = settings.DataDirectory, Database = embedded, Port = port, StopLimit = stopLimit },
                logger,
                ct);

    /// <exception cref="StartRefusedException">It cannot be, and the message names the remedy.</exception>
    public static async Task<PrivatePostgres> StartAsync(PrivatePostgresOptions options, ILogger logger, CancellationToken ct)
    {
        if (options.Database.User == Cluster.Superuser)
        {
            throw new StartRefusedException($"PANDORA_DB_USER: {Cluster.Superuser} is taken by the private database itself; choose another name.");
        }
        var directory = Path.GetFullPath(options.DataDirectory);
        var @lock = await DirectoryLock.TakeAsync(directory, logger, ct);
        try
        {
            var account = await ServerAccount.ChooseAsync(Path.Combine(directory, "postgres"), ct);
            var cluster = new Cluster(directory, account);
            var major = cluster.ReadMajor();
            await account.OpenWayToAsync(directory, ct);
            var binaries = await PostgresBinaries.FindAsync(options with { DataDirectory = directory }, major, account, logger, ct);
            if (major is null)
            {
                Log.Creating(logger, cluster.Home, binaries.Major);
                await cluster.CreateAsync(binaries, options.ServerSettings.GetValueOrDefault("fsync") == "off" ? ["--no-sync"] : [], ct);
            }
            else
            {
                await ClusterFiles.RepairAsync(cluster, logger, ct);
            }
            await LeftoverServer.ClearAsync(cluster, binaries, ct);

            var postgres = new PrivatePostgres(options, cluster, binaries, logger, @lock);
            await postgres.StartAsync(ct);
            return postgres;
        }
        catch
        {
            @lock.Dispose();
            throw;
        }
    }

    /// <summary>Stops the server cleanly if it can. May be called again.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _lock, null) is not { } held)
        {
            return;
        }
        await _stopping.CancelAsync();
        await _watch;
        held.Dispose();
        _stopping.Dispose();
    }

    private async Task StartAsync(CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(StartLimit);
        Postmaster? server = null;
        try
        {
            server = await Postmaster.StartAsync(cluster, binaries, ServerArguments(), logger, limit.Token);
            await Provisioning.ApplyAsync(
                database => _address.For(Cluster.Superuser, _superuserPassword, database, pooling: false), options.Database, limit.Token);
        }
        catch (Exception e)
        {
            if (server is not null)
            {
                await server.DisposeAsync();
            }
            if (e is ServerStartException or NpgsqlException or Win32Exception)
            {
                throw new StartRefusedException($"The private database in {cluster.Data} does not start: {(e as PostgresException)?.MessageText ?? e.Message}");
            }
            if (e is OperationCanceledException && !ct.IsCancellationRequested)
            {
                throw new StartRefusedException($"The private database in {cluster.Data} was not ready after {StartLimit.TotalSeconds:0} s.");
            }
            throw;
        }
        Log.Started(logger, binaries.Major, cluster.Data);
        _watch = WatchAsync(server);
    }

    /// <summary>
    /// Owns the running server: restarts it when it ends, stops it when we do. One that nobody watches any more counts as
    /// lost.
    /// </summary>
    private async Task WatchAsync(Postmaster server)
    {
        var stopping = Task.Delay(Timeout.InfiniteTimeSpan, _stopping.Token);
        try
        {
            while (await Task.WhenAny(stopping, server.Ended) != stopping)
            {
                Log.Ended(logger);
                await server.DisposeAsync();
                server = await RestartAsync();
            }
            await server.StopAsync(options.StopLimit());
            await server.DisposeAsync();
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // It was down: there is nothing to stop.
        }
        catch (Exception e)
        {
            if (e is OperationCanceledException)
            {
                Log.GivenUp(logger, (long)options.RestartLimit.TotalSeconds);
            }
            else
            {
                Log.WatchFailed(logger, e);
            }
            _lost.TrySetResult();
        }
    }

    /// <exception cref="OperationCanceledException">It was given up: in vain, or because we are stopping.</exception>
    private async Task<Postmaster> RestartAsync()
    {
        var ended = Stopwatch.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        limit.CancelAfter(options.RestartLimit);
        while (true)
        {
            try
            {
                var server = await Postmaster.StartAsync(cluster, binaries, ServerArguments(), logger, limit.Token);
                Log.Restarted(logger, (long)Stopwatch.GetElapsedTime(ended).TotalMilliseconds);
                return server;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // Expected at first: processes of the dead server hold its memory until they notice.
                Log.NotYetBack(logger, e.Message);
            }
            await Task.Delay(RestartPause, limit.Token);
        }
    }

    private IEnumerable<string> ServerArguments()
    {
        Dictionary<string, string> settings = new(_address.ServerSettings)
        {
            ["unix_socket_permissions"] = "0700",
            ["password_encryption"] = "scram-sha-256",
            ["timezone"] = "UTC",
            // To us, without statements, parameters and row values: those hold what users wrote.
            ["logging_collector"] = "off",
            ["log_destination"] = "stderr",
            ["log_line_prefix"] = "",
            ["log_min_messages"] = "log",
            ["log_min_error_statement"] = "panic",
            ["log_error_verbosity"] = "terse",
            ["log_checkpoints"] = "off",
            // To ask for them, which is the default, ends a server whose host has some and whose container may use none.
            ["huge_pages"] = "off",
        };
        foreach (var (name, value) in options.ServerSettings)
        {
            settings[name] = value;
        }
        return settings.SelectMany(setting => new[] { "-c", $"{setting.Key}={setting.Value}" });
    }

    private static partial class Log
    {
        [LoggerMessage(2000, LogLevel.Information, "Creating the private database in {Directory} with PostgreSQL {Major}.")]
        public static partial void Creating(ILogger logger, string directory, int major);

        [LoggerMessage(2001, LogLevel.Information, "The private database runs: PostgreSQL {Major}, {Directory}.")]
        public static partial void Started(ILogger logger, int major, string directory);

        [LoggerMessage(2002, LogLevel.Error, "The private database ended unexpectedly; starting it again.")]
        public static partial void Ended(ILogger logger);

        [LoggerMessage(2003, LogLevel.Warning, "The private database is back after {Milliseconds} ms.")]
        public static partial void Restarted(ILogger logger, long milliseconds);

        [LoggerMessage(2004, LogLevel.Warning, "The private database is not back yet: {Reason}")]
        public static partial void NotYetBack(ILogger logger, string reason);

        [LoggerMessage(2006, LogLevel.Critical, "The private database cannot be watched any more.")]
        public static partial void WatchFailed(ILogger logger, Exception exception);

        [LoggerMessage(2005, LogLevel.Critical, "The private database did not come back within {Seconds} s.")]
        public static partial void GivenUp(ILogger logger, long seconds);
    }
}
