using Pandora.Core.Settings;

namespace Pandora.Core.EmbeddedPostgres;

/// <summary>
/// The database for a process that does not serve. A private one is that which a serving process keeps running, or, if
/// there is none, one that is started for the purpose and stopped afterwards.
/// </summary>
/// <param name="own">Null: the server belongs to somebody else.</param>
internal sealed class RunningServer(DatabaseAddress address, PrivatePostgres? own) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    public DatabaseAddress Address => address;

    /// <exception cref="StartRefusedException">There is to be a private database, but there is none, or no way to it.</exception>
    public static async Task<RunningServer> FindOrStartAsync(
        PandoraSettings settings, Func<TimeSpan> stopLimit, ILogger logger, CancellationToken ct)
    {
        if (settings.Database is not DatabaseSettings.Embedded database)
        {
            return new RunningServer(((DatabaseSettings.External)settings.Database).Address, own: null);
        }
        var cluster = new Cluster(Path.GetFullPath(settings.DataDirectory), new ServerAccount(User: null));
        if (cluster.ReadMajor() is null)
        {
            throw new StartRefusedException($"PANDORA_DIR {settings.DataDirectory} holds no private database.");
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Patience);
        try
        {
            // Whoever holds the directory is serving, starting or stopping.
            while (DirectoryLock.IsTaken(settings.DataDirectory))
            {
                if (PostmasterPid.Read(cluster.Data) is { IsReady: true } server)
                {
                    return new RunningServer(
                        server.Address.For(database.User, database.Password, database.Name, pooling: false), own: null);
                }
                await Task.Delay(Pause, limit.Token);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new StartRefusedException(
                $"The private database in {cluster.Data} belongs to another Pandora Core and was not ready within {Patience.TotalSeconds:0} s.");
        }
        var own = await PrivatePostgres.StartIfChosenAsync(settings, stopLimit, logger, ct);
        return new RunningServer(own!.Address, own);
    }

    /// <summary>Stops what was started; leaves alone what belongs to somebody else.</summary>
    public ValueTask DisposeAsync() => own?.DisposeAsync() ?? ValueTask.CompletedTask;
}
