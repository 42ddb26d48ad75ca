using System.Text;

namespace Pandora.Core.Settings;

/// <summary>
/// The keyword form of a libpq connection string: <c>host=db password='it\'s \\ me'</c>. Blanks around <c>=</c> are
/// allowed, quotes hold blanks, and a backslash makes the next character literal inside and outside of quotes.
/// </summary>
internal static class LibpqKeywords
{
    /// <exception cref="StartRefusedException">Not in that form. The message does not quote it: it may hold a password.</exception>
    public static IReadOnlyDictionary<string, string> Parse(string variable, string text)
    {
        Dictionary<string, string> parameters = [];
        var at = 0;
        while (SkipBlanks(text, ref at))
        {
            var name = ReadName(variable, text, ref at);
            SkipBlanks(text, ref at);
            if (at == text.Length || text[at] != '=')
            {
                throw Refuse(variable, "a parameter has no \"=\"");
            }
            at++;
            SkipBlanks(text, ref at);
            parameters[name] = at < text.Length && text[at] == '\'' ? ReadQuoted(variable, text, ref at) : ReadBare(text, ref at);
        }
        return parameters.Count > 0 ? parameters : throw Refuse(variable, "it holds no parameter");
    }

    /// <returns>Whether anything follows.</returns>
    private static bool SkipBlanks(string text, ref int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
        {
            at++;
        }
        return at < text.Length;
    }

    private static string ReadName(string variable, string text, ref int at)
    {
        var start = at;
        while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '_'))
        {
            at++;
        }
        return at > start ? text[start..at] : throw Refuse(variable, "a parameter has no name");
    }

    private static string ReadBare(string text, ref int at)
    {
        var value = new StringBuilder();
        while (at < text.Length && !char.IsWhiteSpace(text[at]))
        {
            if (text[at] == '\\' && ++at == text.Length)
            {
                break;
            }
            value.Append(text[at++]);
        }
        return value.ToString();
    }

    private static string ReadQuoted(string variable, string text, ref int at)
    {
        var value = new StringBuilder();
        for (at++; at < text.Length; at++)
        {
            if (text[at] == '\'')
            {
                at++;
                return value.ToString();
            }
            if (text[at] == '\\' && ++at == text.Length)
            {
                break;
            }
            value.Append(text[at]);
        }
        throw Refuse(variable, "a quote is not closed");
    }

    private static StartRefusedException Refuse(string variable, string fault) => Variables.Refuse(
        variable,
        $"is not understood ({fault}); accepted is \"host=… port=… dbname=… user=… password='…'\" or postgres://user:password@host:port/database");
}
