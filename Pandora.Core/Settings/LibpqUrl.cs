using System.Text;

namespace Pandora.Core.Settings;

/// <summary>
/// The URL form of a libpq connection string: <c>postgres://user:password@host:port,host2/database?sslmode=require</c>.
/// Every part may be missing and may be percent-encoded; <c>+</c> is a plus sign.
/// </summary>
internal static class LibpqUrl
{
    /// <exception cref="StartRefusedException">Not in that form. The message does not quote it: it may hold a password.</exception>
    public static IReadOnlyDictionary<string, string> Parse(string variable, string text)
    {
        Dictionary<string, string> parameters = [];
        var rest = text[(text.IndexOf("://", StringComparison.Ordinal) + 3)..];

        var query = rest.IndexOf('?', StringComparison.Ordinal);
        var (location, arguments) = query < 0 ? (rest, "") : (rest[..query], rest[(query + 1)..]);
        var slash = location.IndexOf('/', StringComparison.Ordinal);
        var (authority, database) = slash < 0 ? (location, "") : (location[..slash], location[(slash + 1)..]);
        var at = authority.IndexOf('@', StringComparison.Ordinal);

        if (at >= 0)
        {
            var colon = authority.IndexOf(':', StringComparison.Ordinal);
            var hasPassword = colon >= 0 && colon < at;
            parameters["user"] = Decode(variable, authority[..(hasPassword ? colon : at)]);
            if (hasPassword)
            {
                parameters["password"] = Decode(variable, authority[(colon + 1)..at]);
            }
        }
        AddHosts(variable, authority[(at + 1)..], parameters);
        if (database.Length > 0)
        {
            parameters["dbname"] = Decode(variable, database);
        }
        foreach (var argument in arguments.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            AddArgument(variable, argument, parameters);
        }
        return parameters;
    }

    private static void AddHosts(string variable, string text, Dictionary<string, string> parameters)
    {
        List<string> hosts = [];
        List<string> ports = [];
        foreach (var item in text.Split(','))
        {
            var end = item.StartsWith('[') ? item.IndexOf(']', StringComparison.Ordinal) + 1 : 0;
            if (item.StartsWith('[') && end == 0)
            {
                throw Refuse(variable, "an address in brackets is not closed");
            }
            var colon = item.IndexOf(':', end);
            var host = colon < 0 ? item : item[..colon];
            if (end > 0 && host.Length != end)
            {
                throw Refuse(variable, "something follows an address in brackets");
            }
            hosts.Add(Decode(variable, end > 0 ? host[1..^1] : host));
            ports.Add(colon < 0 ? "" : Decode(variable, item[(colon + 1)..]));
        }
        if (hosts.Any(host => host.Length > 0))
        {
            parameters["host"] = string.Join(',', hosts);
        }
        if (ports.Any(port => port.Length > 0))
        {
            parameters["port"] = string.Join(',', ports);
        }
    }

    private static void AddArgument(string variable, string argument, Dictionary<string, string> parameters)
    {
        var equals = argument.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
        {
            throw Refuse(variable, "a parameter after \"?\" has no name or no \"=\"");
        }
        var name = Decode(variable, argument[..equals]);
        var value = Decode(variable, argument[(equals + 1)..]);
        if (name == "ssl" && value == "true")
        {
            (name, value) = ("sslmode", "require"); // libpq understands JDBC so far
        }
        parameters[name] = value;
    }

    /// <summary>Strict where <see cref="Uri.UnescapeDataString(string)"/> lets a lone percent sign pass.</summary>
    private static string Decode(string variable, string text)
    {
        if (!text.Contains('%'))
        {
            return text;
        }
        var bytes = new List<byte>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                var length = char.IsHighSurrogate(text[i]) && i + 1 < text.Length ? 2 : 1;
                bytes.AddRange(Encoding.UTF8.GetBytes(text.Substring(i, length)));
                i += length - 1;
            }
            else if (i + 2 < text.Length && char.IsAsciiHexDigit(text[i + 1]) && char.IsAsciiHexDigit(text[i + 2])
                && Convert.FromHexString(text.AsSpan(i + 1, 2))[0] is not 0 and var code)
            {
                bytes.Add(code);
                i += 2;
            }
            else
            {
                throw Refuse(variable, "a percent sign is not followed by two hexadecimal digits");
            }
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }

    private static StartRefusedException Refuse(string variable, string fault) => Variables.Refuse(
        variable, $"is not understood ({fault}); accepted is postgres://user:password@host:port/database?parameter=value, percent-encoded");
}
