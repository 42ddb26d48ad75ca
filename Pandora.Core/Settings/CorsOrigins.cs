using System.Buffers;
using System.Globalization;
using Pandora.ServiceDefaults;

namespace Pandora.Core.Settings;

/// <summary>The origins whose pages may call the REST interface.</summary>
internal static class CorsOrigins
{
    private const string Name = "PANDORA_CORS_ORIGINS";

    /// <summary>What begins a path, a query, user information, a pattern or an escape: none of it belongs to an origin.</summary>
    private static readonly SearchValues<char> NotInOrigins = SearchValues.Create("/\\?#@*% \t");

    /// <returns>Written the way browsers write an origin; null for any.</returns>
    public static IReadOnlyList<string>? Read(Variables variables) => variables.Text(Name) switch
    {
        null or "*" => null,
        var text => [.. text.Split(',', StringSplitOptions.TrimEntries).Select(Origin).Distinct()],
    };

    private static string Origin(string text)
    {
        var separator = text.IndexOf("://", StringComparison.Ordinal);
        if (separator > 0
            && text.AsSpan(separator + 3).IndexOfAny(NotInOrigins) < 0
            && Uri.TryCreate(text, UriKind.Absolute, out var uri)
            && uri.Host.Length > 0)
        {
            var port = uri.IsDefaultPort || uri.Port < 0 ? "" : ":" + uri.Port.ToString(CultureInfo.InvariantCulture);
            var host = uri.HostNameType == UriHostNameType.IPv6 ? uri.Host : uri.IdnHost;
            return $"{uri.Scheme}://{host.ToLowerInvariant()}{port}";
        }
        throw Variables.Refuse(
            Name, $"holds \"{OneLine.Of(text)}\"; accepted is * or a comma-separated list of scheme://host[:port]");
    }
}
