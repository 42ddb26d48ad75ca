using System.Collections;
using System.Globalization;
using System.Text;
using Pandora.ServiceDefaults;

namespace Pandora.Core.Settings;

/// <summary>The environment's variables, read with the rules that hold for all of ours: set but empty is unset.</summary>
internal sealed class Variables(IReadOnlyDictionary<string, string> values)
{
    private const int MinSecretBytes = 32;

    public static Variables OfProcess() => new(
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value ?? ""));

    public IEnumerable<string> Names => values.Keys;

    /// <summary>The text as it stands, or null when unset.</summary>
    public string? Text(string name) => values.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    /// <summary>As <see cref="Text"/>, but an empty secret is a mistake that must not pass for "none".</summary>
    public string? Secret(string name, string accepted) =>
        values.TryGetValue(name, out var value) && value.Length == 0
            ? throw Refuse(name, $"is set but empty; accepted is {accepted}, or remove the variable")
            : Text(name);

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

    public int Integer(string name, int fallback, int min, int max) =>
        Text(name) is not { } text
            ? fallback
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
                ? value
                : throw Refuse(name, $"is \"{OneLine.Of(text)}\"; accepted is a whole number from {min} to {max}");

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

    private static bool Is(string text, string word) => text.Equals(word, StringComparison.OrdinalIgnoreCase);
}
