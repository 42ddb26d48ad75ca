using System.Net;
using Pandora.Core.Settings;

namespace Pandora.Core.Rest;

/// <summary>
/// Tells an operator who forgot to name a proxy. Otherwise they would find out when one caller has locked all others out.
/// </summary>
internal static partial class UntrustedProxies
{
    /// <summary>Warns of the first header that is not believed. Before the peer is taken from one that is.</summary>
    public static void WarnOfUntrustedProxies(this WebApplication app, PandoraSettings settings)
    {
        var warned = 0;
        app.Use((context, next) =>
        {
            if (Volatile.Read(ref warned) == 0
                && context.Request.Headers.ContainsKey("X-Forwarded-For")
                && Unmapped(context.Connection.RemoteIpAddress) is { } peer
                && !settings.TrustedProxies.Any(network => network.Contains(peer))
                && Interlocked.Exchange(ref warned, 1) == 0)
            {
                Log.ForwardingNotTrusted(app.Logger, peer);
            }
            return next(context);
        });
    }

    private static IPAddress? Unmapped(IPAddress? address) =>
        address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;

    private static partial class Log
    {
        [LoggerMessage(1110, LogLevel.Warning, "{Peer} sends X-Forwarded-For and is not believed: all who call through it count as one address. If it is a proxy of yours, name it in PANDORA_TRUSTED_PROXIES. This is told once.")]
        public static partial void ForwardingNotTrusted(ILogger logger, IPAddress peer);
    }
}
