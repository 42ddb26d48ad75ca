using System.Collections.Frozen;
using System.Text.Json;

namespace Pandora.Core.Rest;

/// <summary>The members of a closed set as the wire spells them: snake_case, exact letter case.</summary>
internal static class Words<TEnum>
    where TEnum : struct, Enum
{
    private static readonly FrozenDictionary<string, TEnum> Members =
        Enum.GetValues<TEnum>().ToFrozenDictionary(member => JsonNamingPolicy.SnakeCaseLower.ConvertName(member.ToString()));

    /// <summary>All words, for messages.</summary>
    public static string All { get; } = string.Join(", ", Enum.GetValues<TEnum>().Select(Of));

    public static bool TryParse(string word, out TEnum member) => Members.TryGetValue(word, out member);

    public static string Of(TEnum member) => JsonNamingPolicy.SnakeCaseLower.ConvertName(member.ToString());
}
