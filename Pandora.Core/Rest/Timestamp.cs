using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Pandora.Core.Persistence;

namespace Pandora.Core.Rest;

/// <summary>Timestamps on the wire: RFC 3339.</summary>
internal static partial class Timestamp
{
    private const string Out = "yyyy-MM-ddTHH:mm:ss.FFFFFFZ";

    /// <summary>An instant with its offset, cut to microseconds. Null: the text is no RFC 3339 timestamp.</summary>
    public static DateTimeOffset? Parse(string text)
    {
        if (Rfc3339().Match(text) is not { Success: true } match)
        {
            return null;
        }
        // .NET reads at most seven fractional digits; only six count.
        var fraction = match.Groups["fraction"].Value;
        var micros = fraction.Length > 7 ? fraction[..7] : fraction;
        var zone = match.Groups["zone"].Value is "Z" ? "+00:00" : match.Groups["zone"].Value;
        if (!DateTimeOffset.TryParse(
                $"{match.Groups["date"].Value}T{match.Groups["time"].Value}{micros}{zone}",
                CultureInfo.InvariantCulture,
                DateTimeStyles.None,
                out var instant))
        {
            return null;
        }
        return instant.AddTicks(-(instant.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    /// <summary>UTC with 0 to 6 fractional digits, no trailing zeros.</summary>
    public static string Format(DateTimeOffset instant) =>
        instant.CutToMicroseconds().UtcDateTime.ToString(Out, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<date>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?<fraction>\.[0-9]+)?(?<zone>Z|[+-][0-9]{2}:[0-9]{2})\z", RegexOptions.CultureInvariant)]
    private static partial Regex Rfc3339();

    /// <summary>Writes the instants in answers.</summary>
    internal sealed class Converter : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Parse(reader.GetString() ?? "") ?? throw new JsonException();

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Format(value));
    }
}
