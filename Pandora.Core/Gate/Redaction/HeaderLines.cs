using System.Buffers;
using System.Text;
using Pandora.Core.Keys;

namespace Pandora.Core.Gate.Redaction;

/// <summary>
/// Headers as lines, <c>Name: value</c> or <c>name=value</c>, as they come from a wire, from <c>curl -v</c> or from CGI. A
/// value may hold further pairs. The value of a credential ends where another header begins: a line that is no header
/// belongs to it.
/// </summary>
internal static class HeaderLines
{
    /// <summary>What may stand before a text and means nothing, a byte order mark too.</summary>
    public const string Blanks = " \t\r\n\v\f\u0085\u00a0\u2028\u2029\ufeff";

    private const string MaskBehindBlank = " " + HeaderRedaction.Mask;

    /// <summary>Around the name of a header where it is quoted, or an index.</summary>
    private const string AroundNames = " \t\"'`[]()";

    private static readonly SearchValues<char> LineEnds = SearchValues.Create("\r\n\v\f\u0085\u2028\u2029");
    private static readonly SearchValues<char> Separators = SearchValues.Create(":=");

    private static readonly SearchValues<char> WordCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    /// <summary>Between a name and its separator: <c>"Authorization" :</c>, <c>[Authorization] =&gt;</c>.</summary>
    private static readonly SearchValues<char> AfterNames = SearchValues.Create(" \t\"'`\\])}>");

    /// <param name="isPart">Whether it is the value of something, where a single line that mentions a name is nothing unusual.</param>
    /// <returns>Null: there is nothing to redact.</returns>
    public static string? Redact(ReadOnlySpan<char> text, bool isPart)
    {
        var mayMention = isPart && !text.Trim(Blanks).ContainsAny(LineEnds);
        StringBuilder? result = null;
        var copied = 0;
        Credential? open = null;
        for (var start = 0; start < text.Length;)
        {
            var length = text[start..].IndexOfAny(LineEnds);
            var end = length < 0 ? text.Length : start + length;
            var line = new Line(text[start..end]);
            if (line.Content.IsEmpty)
            {
                // Not the end of a value: what follows a name without one may be it.
            }
            else if (open is { } credential && !line.Ends(credential))
            {
                (result ??= new StringBuilder()).Append(text[copied..(start + line.Mark)]).Append(MaskBehindBlank);
                copied = end;
            }
            else if (line.IsHeader || line.IsFirstOfMessage || mayMention)
            {
                if (line.IsNameOfPair)
                {
                    return HeaderRedaction.Mask; // its value is somewhere on the lines below
                }
                open = null;
                var at = line.Mark + line.Indentation;
                while (line.NextSecret(at) is { } secret)
                {
                    (result ??= new StringBuilder()).Append(text[copied..(start + secret.Start)]).Append(secret.Mask);
                    copied = start + secret.End;
                    at = secret.End;
                    open = at == end - start ? new Credential(line.Sign, line.Indentation, secret.Separator) : null;
                }
            }
            else if (HeaderRedaction.AreNamedIn(line.Content))
            {
                return HeaderRedaction.Mask;
            }
            start = end + 1;
        }
        return result?.Append(text[copied..]).ToString();
    }

    /// <summary>Whether it could be the name of a header.</summary>
    public static bool IsName(ReadOnlySpan<char> text) => text.Length > 0 && !text.ContainsAnyExcept(NameCharacters);

    /// <summary>The header whose value goes on with the next line unless that is a header of its own.</summary>
    private readonly record struct Credential(char Sign, int Indentation, char Separator);

    /// <summary>A value within a line.</summary>
    /// <param name="Name">Where its name begins.</param>
    private readonly record struct Secret(int Name, int Start, int End, char Separator)
    {
        public string Mask => Separator == '=' ? HeaderRedaction.Mask : MaskBehindBlank;
    }

    /// <summary>A line, taken apart.</summary>
    private readonly ref struct Line
    {
        private readonly ReadOnlySpan<char> _text;
        private readonly int _separator;

        public Line(ReadOnlySpan<char> text)
        {
            _text = text;
            Mark = text.StartsWith("\ufeff", StringComparison.Ordinal) ? 1 : 0;
            if (text[Mark..] is ['>' or '<' or '*' or '-', ' ', ..])
            {
                Sign = text[Mark];
                Mark += 2;
            }
            Content = text[Mark..].TrimStart(Blanks);
            Indentation = text.Length - Mark - Content.Length;
            _separator = Content is [':', ..] ? Content[1..].IndexOfAny(Separators) + 1 : Content.IndexOfAny(Separators);
            IsHeader = _separator > 0 && IsName(Content[.._separator].TrimStart(':').Trim(AroundNames));
        }

        /// <summary>Of <c>curl -v</c> or a list: <c>&gt;</c>, <c>&lt;</c>, <c>*</c>, <c>-</c>. U+0000: none.</summary>
        public char Sign { get; }

        /// <summary>Length of what stands before the line proper, the sign and its blank too.</summary>
        public int Mark { get; }

        /// <summary>Blanks behind that.</summary>
        public int Indentation { get; }

        public ReadOnlySpan<char> Content { get; }

        /// <summary>Begins with a name and a separator.</summary>
        public bool IsHeader { get; }

        /// <summary><c>GET /oauth/token HTTP/1.1</c>, <c>HTTP/1.1 200 OK</c>.</summary>
        public bool IsFirstOfMessage =>
            Content.StartsWith("HTTP/", StringComparison.Ordinal) || Content.LastIndexOf(" HTTP/", StringComparison.Ordinal) > 0;

        /// <summary><c>name: Authorization</c>, as lists of pairs have it.</summary>
        public bool IsNameOfPair
        {
            get
            {
                if (!IsHeader)
                {
                    return false;
                }
                var value = Content[(_separator + 1)..].TrimStart(AroundNames);
                var length = value.IndexOfAnyExcept(NameCharacters);
                return CredentialNames.IsOne(length < 0 ? value : value[..length])
                    && HeaderJson.IsForNames(Content[.._separator].Trim(AroundNames).ToString());
            }
        }

        /// <summary>
        /// Whether another header begins here: one that is not set in further than the credential. Behind a colon only
        /// another colon tells, because an equals sign may be part of a value. Lines under another sign are about something
        /// else.
        /// </summary>
        public bool Ends(Credential credential) =>
            (Sign != '\0' && credential.Sign != '\0' && Sign != credential.Sign)
            || IsHeader
            && Indentation <= credential.Indentation
            && (credential.Separator == '=' || Content[_separator] == ':')
            && !Content[_separator..].Trim("= ").IsEmpty;

        /// <summary>The next value of a credential, from a place in the line on. Null: none.</summary>
        public Secret? NextSecret(int from)
        {
            var plain = NextPlainSecret(from);
            using var decoded = DecodedText.Of(_text[from..(plain?.Name ?? _text.Length)]);
            if (decoded is null || new Line(decoded.Text).NextPlainSecret(0) is null)
            {
                return plain;
            }
            // A name and its value come to light only without the escapes: all that is left of the line goes.
            var start = IsHeader ? Math.Max(from, Mark + Indentation + _separator + 1) : from;
            return new Secret(from, start, _text.Length, IsHeader ? Content[_separator] : ':');
        }

        private Secret? NextPlainSecret(int from)
        {
            for (var at = from; _text[at..].IndexOfAny(WordCharacters) is >= 0 and var next;)
            {
                var start = at + next;
                var length = _text[start..].IndexOfAnyExcept(WordCharacters);
                at = length < 0 ? _text.Length : start + length;
                var name = _text[start..at];
                if (CredentialNames.IsOne(name) && ValueOf(start, at) is > 0 and var value)
                {
                    var separator = _text[value - 1] is '=' or '>' ? '=' : ':';
                    return new Secret(start, value, separator == '=' && IsParameter(name) ? EndOfParameter(value) : _text.Length, separator);
                }
            }
            return null;
        }

        /// <summary>Where the value of a name begins. 0: it has none, it is only mentioned.</summary>
        private int ValueOf(int name, int end)
        {
            var length = _text[end..].IndexOfAnyExcept(AfterNames);
            if (length < 0)
            {
                return 0;
            }
            var separator = end + length;
            return _text[separator..] switch
            {
                ['=', '>', ..] => separator + 2,
                [':' or '=', ..] => separator + 1,
                [',', ..] when IsElement(name, _text[end..separator]) => separator + 1,
                _ => 0,
            };
        }

        /// <summary>Whether it stands quoted in a list, as in <c>('Authorization', 's')</c>, and is no value itself.</summary>
        private bool IsElement(int name, ReadOnlySpan<char> behind) =>
            name > 0
            && _text[name - 1] is '"' or '\'' or '`'
            && behind.Contains(_text[name - 1])
            && _text[..(name - 1)].TrimEnd(Blanks) is not [.., '=' or ':'];

        /// <summary>What stands in a query, where an ampersand ends a value. The values of the others may hold one.</summary>
        private static bool IsParameter(ReadOnlySpan<char> name) =>
            !name.Contains("cookie", StringComparison.OrdinalIgnoreCase) && !name.Contains("authorization", StringComparison.OrdinalIgnoreCase);

        private int EndOfParameter(int value)
        {
            var length = _text[value..].IndexOfAny('&', ' ');
            return length >= 0 && _text[value + length] == '&' ? value + length : _text.Length;
        }
    }
}
