using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Pandora.Core.Transport;

/// <summary>
/// Stands before both listeners: no more connections than there is room for, not all of them for one peer, none that says
/// nothing, and none that gets older than it should.
/// </summary>
/// <param name="limit">Of both listeners together.</param>
internal sealed partial class Connections(int limit, TimeProvider time, ILogger<Connections> logger)
{
    /// <summary>How long a connection may say nothing before its first byte.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(30);

    /// <summary>How often the operator is told that there is no room, whoever it is for.</summary>
    private static readonly TimeSpan BetweenWarnings = TimeSpan.FromMinutes(1);

    /// <summary>How many may be of one peer, so that nobody can shut out all others.</summary>
    private readonly int _share = limit / 2;

    private readonly Lock _counting = new();
    private readonly Dictionary<Peer, PeerLoad> _loads = [];
    private int _open;
    private long? _warnedAt;

    /// <param name="maxAge">Then the connection is asked to end, without losing a call. Zero: never.</param>
    public Func<ConnectionDelegate, ConnectionDelegate> Watch(TimeSpan maxAge) =>
        next => connection => ServeAsync(connection, maxAge, next);

    private async Task ServeAsync(ConnectionContext connection, TimeSpan maxAge, ConnectionDelegate next)
    {
        if (await SpeaksAsync(connection))
        {
            await using var age = AskToEndAfter(maxAge, connection);
            await next(connection);
        }
        else
        {
            connection.Abort();
        }
    }

    /// <summary>Null: there is no room. Else the place of the connection until it is disposed.</summary>
    public Place? TryEnter(EndPoint? remote)
    {
        var peer = new Peer((remote as IPEndPoint)?.Address);
        lock (_counting)
        {
            var load = _loads.GetValueOrDefault(peer) ?? new PeerLoad();
            if (_open < limit && load.Connections < _share)
            {
                _open++;
                load.Connections++;
                _loads[peer] = load;
                return new Place(this, peer, load);
            }
            if (_warnedAt is not { } then || time.GetElapsedTime(then) >= BetweenWarnings)
            {
                _warnedAt = time.GetTimestamp();
                Log.Refused(logger, peer, _open, load.Connections, limit, _share);
            }
            return null;
        }
    }

    private void Leave(Peer peer, PeerLoad load)
    {
        lock (_counting)
        {
            _open--;
            if (--load.Connections == 0)
            {
                _loads.Remove(peer);
            }
        }
    }

    /// <summary>Waits for the first bytes, and leaves them to the next reader.</summary>
    private async ValueTask<bool> SpeaksAsync(ConnectionContext connection)
    {
        var input = connection.Transport.Input;
        using var patience = new CancellationTokenSource(LongestSilence, time);
        try
        {
            var first = await input.ReadAsync(patience.Token);
            input.AdvanceTo(first.Buffer.Start);
            return true;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            return false; // silent, or gone
        }
    }

    /// <summary>The moment varies by a tenth, so that what came together does not leave together.</summary>
    private ITimer? AskToEndAfter(TimeSpan maxAge, ConnectionContext connection) =>
        maxAge > TimeSpan.Zero && connection.Features.Get<IConnectionLifetimeNotificationFeature>() is { } life
            ? time.CreateTimer(
                static state => ((IConnectionLifetimeNotificationFeature)state!).RequestClose(),
                life,
                maxAge * (0.9 + (0.2 * Random.Shared.NextDouble())),
                Timeout.InfiniteTimeSpan)
            : null;

    /// <summary>The place of one connection.</summary>
    internal sealed class Place(Connections connections, Peer peer, PeerLoad load) : IDisposable
    {
        private int _isLeft;

        /// <summary>Of whose it is.</summary>
        public PeerLoad Load => load;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isLeft, 1) == 0)
            {
                connections.Leave(peer, load);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1201, LogLevel.Warning, "A connection from {Peer} was refused: {Open} are open, {OfPeer} of them from there; there is room for {Limit}, and for {Share} from one address.")]
        public static partial void Refused(ILogger logger, Peer peer, int open, int ofPeer, int limit, int share);
    }
}
