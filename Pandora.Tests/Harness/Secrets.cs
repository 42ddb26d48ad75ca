using System.Buffers;
using System.Globalization;
using System.IO.Hashing;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Pandora.Tests.Harness;

/// <summary>Secrets as the product issues them, and the ways in which others write them down.</summary>
internal static partial class Secrets
{
    private const int DeepestNesting = 6;
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// <summary>What a text can go through on its way into a log, by name. Each can be undone.</summary>
    public static readonly IReadOnlyDictionary<string, Func<string, string>> Encodings = new Dictionary<string, Func<string, string>>
    {
        ["plain"] = text => text,
        ["percent"] = text => text.Replace("_", "%5F"),
        ["percent, lower case"] = text => text.Replace("_", "%5f").Replace(".", "%2e"),
        ["percent, every character"] = text => Each(text, c => $"%{(int)c:X2}"),
        ["percent, twice"] = text => text.Replace("_", "%255F").Replace(".", "%252E"),
        ["percent, every character twice"] = text => Each(text, c => $"%25{(int)c:x2}"),
        ["percent, three times"] = text => text.Replace("_", "%25255F").Replace(".", "%25252E"),
        ["JSON"] = text => text.Replace("_", "\\u005f").Replace(".", "\\u002E"),
        ["JSON, every character"] = text => Each(text, c => $"\\u{(int)c:x4}"),
        ["JSON in JSON"] = text => text.Replace("_", "\\\\u005F").Replace(".", "\\\\u002e"),
        ["JSON in JSON in JSON"] = text => text.Replace("_", "\\\\\\\\u005f").Replace(".", "\\\\\\\\u002e"),
        ["C"] = text => text.Replace("_", "\\x5f").Replace(".", "\\x2E"),
        ["octal"] = text => text.Replace("_", "\\137").Replace(".", "\\056"),
        ["ECMAScript"] = text => text.Replace("_", "\\u{5f}").Replace(".", "\\u{2E}"),
        ["HTML"] = text => text.Replace("_", "&#95;").Replace(".", "&#46;"),
        ["HTML, hexadecimal"] = text => text.Replace("_", "&#x5f;").Replace(".", "&#X2E;"),
        ["HTML by name"] = text => text.Replace("_", "&lowbar;").Replace(".", "&period;"),
        ["HTML twice"] = text => text.Replace("_", "&amp;#95;").Replace(".", "&amp;#46;"),
        ["HTML with zeros"] = text => text.Replace("_", "&#000000095;").Replace(".", "&#x0000000002e;"),
        ["ECMAScript with zeros"] = text => text.Replace("_", "\\u{00000000005f}").Replace(".", "\\u{0000000002E}"),
        ["percent, ten times"] = text => text.Replace("_", $"%{Times("25", 9)}5f").Replace(".", $"%{Times("25", 9)}2e"),
        ["JSON, nine deep"] = text => text.Replace("_", $"{Times("\\", 256)}u005f").Replace(".", $"{Times("\\", 256)}u002e"),
        ["JSON in a query"] = text => text.Replace("_", "%5Cu005f").Replace(".", "%5cu002e"),
        ["a query in JSON"] = text => text.Replace("_", "\\u00255F").Replace(".", "\\u00252E"),
        ["HTML in JSON"] = text => text.Replace("_", "\\u0026#95;").Replace(".", "\\u0026#46;"),
    };

    /// <summary>Something in the shape of a key, as another part of the product issues it.</summary>
    /// <param name="prefix">Such as <c>pst_</c>.</param>
    public static string OfShape(string prefix, Random random)
    {
        var text = prefix + new string(random.GetItems<char>(Alphabet, 43));
        var rest = Crc32.HashToUInt32(Encoding.ASCII.GetBytes(text));
        var checksum = new char[6];
        for (var i = checksum.Length - 1; i >= 0; i--, rest /= 62)
        {
            checksum[i] = Alphabet[(int)(rest % 62)];
        }
        return text + new string(checksum);
    }

    private static string Times(string text, int count) => string.Concat(Enumerable.Repeat(text, count));

    /// <summary>What may be shown of a secret.</summary>
    public static string Mask(string secret) => $"{secret[..4]}...{secret[^4..]}";

    public static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    /// <summary>Whether a secret can be read out of a text by somebody who tries.</summary>
    public static bool CanBeRead(string secret, string text) => FirstRead([secret], text) is not null;

    /// <summary>
    /// Looks for secrets in a text as it is, and behind percent-encoding, the escapes of JSON and C, character references and
    /// Base64.
    /// </summary>
    /// <returns>What was found first, with what stands around it. Null: nothing.</returns>
    public static string? FirstRead(IEnumerable<string> secrets, string text)
    {
        var wanted = SearchValues.Create([.. secrets.SelectMany(secret => Base64Of(secret).Prepend(secret))], StringComparison.Ordinal);
        for (var layer = 0; layer < DeepestNesting; layer++)
        {
            if (text.AsSpan().IndexOfAny(wanted) is >= 0 and var at)
            {
                return $"behind {layer} layers: {text[Math.Max(0, at - 300)..Math.Min(text.Length, at + 400)]}";
            }
            var decoded = Decode(text);
            if (decoded == text)
            {
                break;
            }
            text = decoded;
        }
        return null;
    }

    /// <summary>The digits that do not depend on what stands around it.</summary>
    private static IEnumerable<string> Base64Of(string secret)
    {
        for (var before = 0; before < 3; before++)
        {
            var digits = Base64(new string('x', before) + secret);
            yield return digits[((before * 8 + 5) / 6)..((before + secret.Length) * 8 / 6)];
        }
    }

    /// <summary>One layer, by other means than the product's.</summary>
    private static string Decode(string text) =>
        Escape().Replace(WebUtility.HtmlDecode(Uri.UnescapeDataString(text)), escape => escape switch
        {
            _ when escape.Groups["octal"] is { Success: true, Value: var octal } => ((char)Convert.ToInt32(octal, 8)).ToString(),
            _ => ((char)int.Parse(escape.Groups["hex"].Value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)).ToString(),
        });

    private static string Each(string text, Func<char, string> encode) => string.Concat(text.Select(encode));

    [GeneratedRegex("""\\+(u\{(?<hex>[0-9A-Fa-f]{1,6})\}|u(?<hex>[0-9A-Fa-f]{4})|x(?<hex>[0-9A-Fa-f]{2})|(?<octal>[0-3][0-7]{2}))""", RegexOptions.ExplicitCapture)]
    private static partial Regex Escape();
}
