using System.Text;

namespace Pandora.Core.Settings;

/// <summary>
/// The two forms of a libpq connection string, taken apart as libpq does it, character by character: what means something
/// to <c>psql</c> means the same here.
/// </summary>
internal static class LibpqText
{
    private static readonly string[] Schemes = ["postgresql://", "postgres://"];

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <returns>Parameters in their order, of several values for one the last; null: the text is in neither form.</returns>
    public static Dictionary<string, string>? Parse(string text)
    {
        try
        {
            return Array.Find(Schemes, scheme => text.StartsWith(scheme, StringComparison.Ordinal)) is { } scheme
                ? ParseUrl(text[scheme.Length..].TrimEnd(' ', '\t', '\r', '\n'))
                : ParseKeywords(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>
    /// <c>host=db password='it\'s \\ me'</c>: blanks around <c>=</c> are allowed, quotes hold blanks, and a backslash makes
    /// the next character literal inside and outside of quotes.
    /// </summary>
    private static Dictionary<string, string> ParseKeywords(string text)
    {
        Dictionary<string, string> parameters = [];
        var at = SkipBlanks(text, 0);
        while (at < text.Length)
        {
            var start = at;
            while (at < text.Length && text[at] != '=' && !IsBlank(text[at]))
            {
                at++;
            }
            var name = text[start..at];
            at = SkipBlanks(text, at);
            if (name.Length == 0 || at == text.Length || text[at] != '=')
            {
                throw new FormatException();
            }
            at = SkipBlanks(text, at + 1);
            parameters[name] = ReadValue(text, ref at);
            at = SkipBlanks(text, at);
        }
        return parameters.Count > 0 ? parameters : throw new FormatException();
    }

    private static string ReadValue(string text, ref int at)
    {
        var value = new StringBuilder();
        var isQuoted = at < text.Length && text[at] == '\'';
        if (isQuoted)
        {
            at++;
        }
        while (at < text.Length)
        {
            if (isQuoted ? text[at] == '\'' : IsBlank(text[at]))
            {
                at++;
                return value.ToString();
            }
            if (text[at] == '\\' && ++at == text.Length)
            {
                break;
            }
            value.Append(text[at++]);
        }
        return isQuoted ? throw new FormatException() : value.ToString();
    }

    /// <summary>
    /// <c>postgres://user:password@host:port,host2/database?sslmode=require</c>: every part may be missing and may be
    /// percent-encoded; <c>+</c> is a plus sign. What is before the first <c>@</c> may hold anything but that and <c>/</c>.
    /// </summary>
    private static Dictionary<string, string> ParseUrl(string text)
    {
        Dictionary<string, string> parameters = [];
        var rest = text.AsSpan();
        if (rest.IndexOfAny('@', '/') is >= 0 and var end && rest[end] == '@')
        {
            var (user, password) = Split(rest[..end], ':');
            Add("user", user);
            Add("password", password);
            rest = rest[(end + 1)..];
        }
        var queryOrPath = rest.IndexOfAny('/', '?');
        var (hosts, ports) = ParseHosts(queryOrPath < 0 ? rest : rest[..queryOrPath]);
        Add("host", hosts);
        Add("port", ports);
        if (queryOrPath < 0)
        {
            return parameters;
        }
        var (path, query) = Split(rest[queryOrPath..], '?');
        Add("dbname", path.Length > 0 ? path[1..] : path);
        ParseQuery(query, parameters);
        return parameters;

        void Add(string name, ReadOnlySpan<char> encoded)
        {
            if (encoded.Length > 0)
            {
                parameters[name] = Decode(encoded);
            }
        }
    }

    /// <returns>Both as lists separated by commas, still percent-encoded; ports that are not given are empty.</returns>
    private static (string Hosts, string Ports) ParseHosts(ReadOnlySpan<char> text)
    {
        var (hosts, ports) = (new StringBuilder(), new StringBuilder());
        while (true)
        {
            if (text.StartsWith('['))
            {
                var closing = text.IndexOf(']');
                if (closing < 2 || (closing + 1 < text.Length && text[closing + 1] is not (':' or ',')))
                {
                    throw new FormatException();
                }
                hosts.Append(text[1..closing]);
                text = text[(closing + 1)..];
            }
            else
            {
                var host = Until(text, ':', ',');
                hosts.Append(host);
                text = text[host.Length..];
            }
            if (text.StartsWith(':'))
            {
                var port = Until(text[1..], ',', ',');
                ports.Append(port);
                text = text[(port.Length + 1)..];
            }
            if (text.Length == 0)
            {
                return (hosts.ToString(), ports.ToString());
            }
            hosts.Append(',');
            ports.Append(',');
            text = text[1..];
        }
    }

    private static void ParseQuery(ReadOnlySpan<char> query, Dictionary<string, string> parameters)
    {
        while (query.Length > 0)
        {
            var pair = Until(query, '&', '&');
            query = query[Math.Min(pair.Length + 1, query.Length)..];
            var equals = pair.IndexOf('=');
            if (equals < 0 || pair[(equals + 1)..].Contains('='))
            {
                throw new FormatException();
            }
            var (name, value) = (Decode(pair[..equals]), Decode(pair[(equals + 1)..]));
            var isJdbc = name == "ssl" && value == "true"; // libpq understands JDBC so far
            parameters[isJdbc ? "sslmode" : name] = isJdbc ? "require" : value;
        }
    }

    /// <summary>Bytes, and those of UTF-8: other ones have no text, and a zero would end it.</summary>
    private static string Decode(ReadOnlySpan<char> encoded)
    {
        if (!encoded.Contains('%'))
        {
            return encoded.ToString();
        }
        var bytes = new List<byte>(encoded.Length);
        while (encoded.Length > 0)
        {
            if (encoded[0] == '%')
            {
                if (encoded.Length < 3 || !char.IsAsciiHexDigit(encoded[1]) || !char.IsAsciiHexDigit(encoded[2]) || encoded[1..3] is "00")
                {
                    throw new FormatException();
                }
                bytes.AddRange(Convert.FromHexString(encoded[1..3]));
                encoded = encoded[3..];
            }
            else
            {
                var plain = Until(encoded, '%', '%');
                bytes.AddRange(Utf8.GetBytes(plain.ToString()));
                encoded = encoded[plain.Length..];
            }
        }
        try
        {
            return Utf8.GetString([.. bytes]);
        }
        catch (DecoderFallbackException)
        {
            throw new FormatException();
        }
    }

    private static ReadOnlySpan<char> Until(ReadOnlySpan<char> text, char end, char otherEnd) =>
        text.IndexOfAny(end, otherEnd) is >= 0 and var length ? text[..length] : text;

    private static SplitText Split(ReadOnlySpan<char> text, char separator) =>
        text.IndexOf(separator) is >= 0 and var at ? new(text[..at], text[(at + 1)..]) : new(text, default);

    private static int SkipBlanks(string text, int at)
    {
        while (at < text.Length && IsBlank(text[at]))
        {
            at++;
        }
        return at;
    }

    /// <summary>Those of C; a no-break space, for example, is part of a password.</summary>
    private static bool IsBlank(char c) => c is ' ' or (>= '\t' and <= '\r');

    /// <summary>What is before and behind a separator.</summary>
    private readonly ref struct SplitText(ReadOnlySpan<char> before, ReadOnlySpan<char> behind)
    {
        private readonly ReadOnlySpan<char> _before = before;
        private readonly ReadOnlySpan<char> _behind = behind;

        public void Deconstruct(out ReadOnlySpan<char> before, out ReadOnlySpan<char> behind)
        {
            before = _before;
            behind = _behind;
        }
    }
}
