using Microsoft.AspNetCore.HttpOverrides;
using Pandora.Core.Settings;

namespace Pandora.Core.Rest;

/// <summary>What is believed of the headers by which proxies tell on whose behalf they call.</summary>
internal static class ForwardingProxies
{
    /// <summary>
    /// The peer of a request becomes the last hop of <c>X-Forwarded-For</c> that is no trusted proxy. What others send in
    /// these headers, and hops before the last one, are anybody's claim.
    /// </summary>
    public static void UseForwardingProxies(this WebApplication app, PandoraSettings settings)
    {
        // The middleware believes everybody when it knows nobody.
        if (settings.TrustedProxies.Count == 0)
        {
            return;
        }
        var options = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor,
            ForwardLimit = null, // as many proxies as are trusted
        };
        options.KnownProxies.Clear(); // the loopback addresses are there by default
        options.KnownIPNetworks.Clear();
        foreach (var network in settings.TrustedProxies)
        {
            options.KnownIPNetworks.Add(network);
        }
        app.UseForwardedHeaders(options);
    }
}
