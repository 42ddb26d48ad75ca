using System.Globalization;
using System.Text.Json;

namespace Pandora.Core.Rest;

/// <summary>The id of a record as a caller wrote it.</summary>
/// <param name="Value">1..2147483647, or 0: a larger number, which no record has.</param>
/// <param name="Identifier">The number as it is shown in an error, whatever its length.</param>
internal readonly record struct RecordId(int Value, object Identifier)
{
    /// <summary>Whether it is an integer that can be no id.</summary>
    public bool IsBelowOne => Value < 0;

    /// <summary>Reads plain decimal digits with an optional sign. Null: that is not what the text is.</summary>
    public static RecordId? Parse(ReadOnlySpan<char> text)
    {
        var digits = text is ['+' or '-', ..] ? text[1..] : text;
        if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9'))
        {
            return null;
        }
        digits = digits.TrimStart('0');
        if (digits.IsEmpty || text[0] == '-')
        {
            return new RecordId(-1, -1);
        }
        if (int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return new RecordId(value, value);
        }
        using var number = JsonDocument.Parse(digits.ToString());
        return new RecordId(0, number.RootElement.Clone());
    }
}
