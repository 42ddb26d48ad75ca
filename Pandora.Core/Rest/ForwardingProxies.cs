using System.Text.RegularExpressions;
using Microsoft.AspNetCore.HttpOverrides;
using Pandora.Core.Settings;

namespace Pandora.Core.Rest;

/// <summary>What is believed of the headers by which proxies tell on whose behalf they call.</summary>
internal static partial class ForwardingProxies
{
    private const string PrefixHeader = "X-Forwarded-Prefix";

    /// <summary>
    /// The peer of a request becomes the last hop of <c>X-Forwarded-For</c> that is no trusted proxy; links and documents
    /// stand below the path of <c>X-Forwarded-Prefix</c>. What others send in these headers, and hops before the last one,
    /// are anybody's claim.
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
            ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedPrefix,
            ForwardLimit = null, // as many proxies as are trusted
        };
        options.KnownProxies.Clear(); // the loopback addresses are there by default
        options.KnownIPNetworks.Clear();
        foreach (var network in settings.TrustedProxies)
        {
            options.KnownIPNetworks.Add(network);
        }
        // A proxy that sets no prefix hands on what its callers say; what is no path would be a fault of ours.
        app.Use(next => context =>
        {
            var headers = context.Request.Headers;
            if (headers.GetCommaSeparatedValues(PrefixHeader) is { Length: > 0 } prefixes && !prefixes.All(Prefix().IsMatch))
            {
                headers.Remove(PrefixHeader);
            }
            return next(context);
        });
        app.UseForwardedHeaders(options);
        app.Use(next => context =>
        {
            context.Request.PathBase = context.Request.PathBase.Value?.TrimEnd('/');
            return next(context);
        });
    }

    /// <summary>Segments of plain characters, none of them empty or of dots alone.</summary>
    [GeneratedRegex(@"^(/(?!\.{1,2}(/|\z))[A-Za-z0-9._~-]+)*/?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Prefix();
}
