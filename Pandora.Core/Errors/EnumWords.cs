using System.Collections.Frozen;
using System.Text.Json;

namespace Pandora.Core.Errors;

/// <summary>How the wire and the database spell the members of a closed set. A member "None" is the empty text.</summary>
internal sealed class EnumWords<TEnum>
    where TEnum : struct, Enum
{
    private readonly FrozenDictionary<TEnum, string> _words;
    private readonly FrozenDictionary<string, TEnum> _members;

    private EnumWords(JsonNamingPolicy policy)
    {
        var members = Enum.GetValues<TEnum>();
        _words = members.ToFrozenDictionary(
            member => member, member => member.ToString() is var name && name == "None" ? "" : policy.ConvertName(name));
        _members = _words.ToFrozenDictionary(pair => pair.Value, pair => pair.Key);
        All = [.. members.Select(member => _words[member])];
    }

    /// <summary>snake_case.</summary>
    public static EnumWords<TEnum> Lower { get; } = new(JsonNamingPolicy.SnakeCaseLower);

    /// <summary>UPPER_SNAKE.</summary>
    public static EnumWords<TEnum> Upper { get; } = new(JsonNamingPolicy.SnakeCaseUpper);

    /// <summary>The words in the order of the members.</summary>
    public IReadOnlyList<string> All { get; }

    public string this[TEnum member] => _words[member];

    /// <exception cref="KeyNotFoundException">It is none of the words.</exception>
    public TEnum Parse(string word) => _members[word];

    /// <summary>Exact letter case.</summary>
    public bool TryParse(string word, out TEnum member) => _members.TryGetValue(word, out member);
}
