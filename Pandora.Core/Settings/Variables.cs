using System.Collections;
using System.Globalization;
using System.Text;
using Pandora.ServiceDefaults;

namespace Pandora.Core.Settings;

/// <summary>The environment's variables, read with the rules that hold for all of ours: set but empty is unset.</summary>
/// <param name="warn">
/// Gets a line for whatever is odd but accepted, as soon as it is found: an operator whose start is refused needs these
/// lines most. Null: nobody listens.
/// </param>
internal sealed class Variables(IReadOnlyDictionary<string, string> values, Action<string>? warn = null)
{
    /// <summary>Behind the name of a secret: the file that holds it.</summary>
    public const string FileSuffix = "_FILE";

    private const int MinSecretBytes = 32;
    private const int LargestSecretFile = 65_536;

    /// <summary>What Kubernetes sets for a Service whose name is the variable's, up to <c>_PORT</c>.</summary>
    private static readonly string[] ServiceLinks = ["tcp://", "udp://", "sctp://"];

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static Variables OfProcess(Action<string>? warn = null) => new(
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value ?? ""),
        warn);

    public IEnumerable<string> Names => values.Keys;

    /// <param name="line">Never with the value of a secret.</param>
    public void Warn(string line) => warn?.Invoke(line);

    /// <summary>The text as it stands, or null when unset.</summary>
    public string? Text(string name) => values.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    /// <summary>
    /// As <see cref="Text"/>, but an empty secret is a mistake that must not pass for "none"; and it may be in the file that
    /// the variable of the same name and <c>_FILE</c> names.
    /// </summary>
    public string? Secret(string name, string accepted)
    {
        var given = values.TryGetValue(name, out var value) ? value : null;
        if (Text(name + FileSuffix) is { } path)
        {
            given = given is null
                ? ReadFile(name + FileSuffix, path)
                : throw Refuse(name, $"and {name}{FileSuffix} are both set; accepted is one of them");
        }
        if (given is { Length: 0 })
        {
            throw Refuse(name, $"is set but empty; accepted is {accepted}, or remove the variable");
        }
        if (given is not null)
        {
            WarnOfWhiteSpace(name, given);
        }
        return given;
    }

    /// <summary>Nobody sees what stands at the end of a text.</summary>
    public void WarnOfWhiteSpace(string name, string text)
    {
        if (char.IsWhiteSpace(text[^1]))
        {
            Warn($"{name} ends with white space, which is part of it; if that is a mistake, remove it wherever the variable is set.");
        }
    }

    public byte[]? SecretBytes(string name)
    {
        var accepted = $"a text of at least {MinSecretBytes} bytes";
        return Secret(name, accepted) switch
        {
            null => null,
            var secret when Encoding.UTF8.GetByteCount(secret) >= MinSecretBytes => Encoding.UTF8.GetBytes(secret),
            _ => throw Refuse(name, $"is too short; accepted is {accepted}"),
        };
    }

    public int Integer(string name, int fallback, int min, int max)
    {
        if (Text(name) is not { } text)
        {
            return fallback;
        }
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max)
        {
            return value;
        }
        var hint = Array.Exists(ServiceLinks, scheme => text.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            ? ". Kubernetes sets it for a Service of that name: say enableServiceLinks: false in the pod's specification, or set the variable there"
            : "";
        throw Refuse(name, $"is \"{OneLine.Of(text)}\"; accepted is a whole number from {min} to {max}{hint}");
    }

    /// <summary>Whole seconds, or a whole number with a unit: <c>90s</c>, <c>30m</c>, <c>12h</c>, <c>7d</c>.</summary>
    public TimeSpan Duration(string name, TimeSpan fallback, TimeSpan max)
    {
        if (Text(name) is not { } text)
        {
            return fallback;
        }
        var (number, seconds) = text[^1] switch
        {
            's' => (text[..^1], 1),
            'm' => (text[..^1], 60),
            'h' => (text[..^1], 3_600),
            'd' => (text[..^1], 86_400),
            _ => (text, 1),
        };
        return int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && TimeSpan.FromSeconds((long)count * seconds) is var duration && duration <= max
            ? duration
            : throw Refuse(name, $"is \"{OneLine.Of(text)}\"; accepted is a number of seconds, or one with a unit such as 30m, 12h or 7d, up to {max.TotalDays} days");
    }

    public bool Boolean(string name, bool fallback) => Text(name) switch
    {
        null => fallback,
        var text when Is(text, "true") || Is(text, "1") || Is(text, "yes") => true,
        var text when Is(text, "false") || Is(text, "0") || Is(text, "no") => false,
        var text => throw Refuse(name, $"is \"{OneLine.Of(text)}\"; accepted is true, false, 1, 0, yes or no"),
    };

    /// <summary>One of a closed set of words, written exactly so.</summary>
    public T OneOf<T>(string name, T fallback, IReadOnlyDictionary<string, T> words) =>
        Text(name) is not { } text
            ? fallback
            : words.TryGetValue(text, out var value)
                ? value
                : throw Refuse(name, $"is \"{OneLine.Of(text)}\"; accepted is {string.Join(", ", words.Keys)}");

    /// <param name="fault">Follows the name: what is wrong and what is accepted. Never the value of a secret.</param>
    public static StartRefusedException Refuse(string name, string fault) => new($"{name} {fault}.");

    /// <summary>The text of a file. One line break at its end is the editor's and not part of it.</summary>
    private static string ReadFile(string name, string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read);
            var bytes = new byte[LargestSecretFile + 1];
            var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > LargestSecretFile)
            {
                throw Refuse(name, $"names {OneLine.Of(path)}, which is too large; accepted is a file of at most {LargestSecretFile} bytes");
            }
            var text = Utf8.GetString(bytes, 0, length);
            return text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2]
                : text.EndsWith('\n') ? text[..^1]
                : text;
        }
        catch (DecoderFallbackException)
        {
            throw Refuse(name, $"names {OneLine.Of(path)}, which is not UTF-8 text; accepted is a file of text");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Refuse(name, $"names {OneLine.Of(path)}, which cannot be read; accepted is a file that the user {RunningUser.Name} may read");
        }
    }

    private static bool Is(string text, string word) => text.Equals(word, StringComparison.OrdinalIgnoreCase);
}
