using System.Globalization;
using System.Text.Json;
using Pandora.Core.Errors;
using QuotaRange = Pandora.Core.Quotas.Quota;

namespace Pandora.Core.Rest;

/// <content>How single values are read.</content>
internal sealed partial class JsonFields
{
    private string NameOf(string name, JsonElement value, int max)
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return Missing(name, "");
        }
        if (TextOf(name, value) is not { } text)
        {
            return "";
        }
        var trimmed = text.Trim();
        var characters = trimmed.EnumerateRunes().Count();
        return characters switch
        {
            0 => Broken(name, "must not be blank", ""),
            _ when characters > max => Broken(name, $"must have at most {max} characters", ""),
            _ => trimmed,
        };
    }

    /// <summary>Null when unreadable.</summary>
    private string? TextOf(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            return Unreadable<string?>(name, "must be a text", null);
        }
        try
        {
            var text = value.GetString()!;
            return text.Contains('\0') ? Unreadable<string?>(name, "must not contain U+0000", null) : text;
        }
        catch (InvalidOperationException)
        {
            return Unreadable<string?>(name, "must not contain half a surrogate pair", null);
        }
    }

    private TEnum MemberOf<TEnum>(string name, JsonElement value, EnumWords<TEnum> words)
        where TEnum : struct, Enum
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return Missing(name, default(TEnum));
        }
        if (TextOf(name, value) is not { } text)
        {
            return default;
        }
        return words.TryParse(text, out var member)
            ? member
            : Broken(name, $"must be one of {string.Join(", ", words.All)}", default(TEnum));
    }

    private long QuotaOf(string name, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return Missing(name, 0L);
        }
        if (value.ValueKind != JsonValueKind.Number || RecordId.Parse(value.GetRawText()) is null)
        {
            return Unreadable(name, "must be a whole number", 0L);
        }
        return value.TryGetInt64(out var quota) && quota is >= QuotaRange.Unlimited and <= QuotaRange.Largest
            ? quota
            : Broken(name, $"must be between {QuotaRange.Unlimited} (unlimited) and {QuotaRange.Largest}", 0L);
    }

    private DateTimeOffset InstantOf(string name, JsonElement value, bool dateAllowed)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            return Unreadable(name, "must be a timestamp", default(DateTimeOffset));
        }
        if (TextOf(name, value) is not { } text)
        {
            return default;
        }
        if (dateAllowed && DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date))
        {
            return new DateTimeOffset(date.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
        }
        if (Timestamp.Parse(text) is not { } parsed)
        {
            return Unreadable(name, "must be a timestamp such as 2030-01-31T00:00:00Z", default(DateTimeOffset));
        }
        return parsed.IsUtc ? parsed.Instant : Broken(name, "must be in UTC (zone Z)", default(DateTimeOffset));
    }
}
