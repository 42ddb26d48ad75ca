using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Pandora.Core.Persistence;

namespace Pandora.Core.Rest;

/// <summary>Timestamps on the wire: RFC 3339.</summary>
internal static partial class Timestamp
{
    private const string LocalIn = "yyyy-MM-ddTHH:mm:ss.FFFFFF";
    private const string ZoneIn = @"hh\:mm";
    private const string Out = LocalIn + "Z";

    /// <summary>The instant, cut to microseconds. Null: the text is no RFC 3339 timestamp, or lies outside years 1 to 9999.</summary>
    public static ParsedTimestamp? Parse(string text)
    {
        if (Rfc3339().Match(text) is not { Success: true } match
            || !DateTime.TryParseExact(
                CutToMicroseconds(match.Groups["local"].Value), LocalIn, CultureInfo.InvariantCulture, DateTimeStyles.None, out var local))
        {
            return null;
        }
        // Not DateTimeOffset's own parser: it knows no offsets above 14 hours, and rounds the seventh digit.
        var offset = match.Groups["zone"].Value switch
        {
            "Z" => TimeSpan.Zero,
            ['-', .. var behind] => -TimeSpan.ParseExact(behind, ZoneIn, CultureInfo.InvariantCulture),
            var ahead => TimeSpan.ParseExact(ahead[1..], ZoneIn, CultureInfo.InvariantCulture),
        };
        var ticks = local.Ticks - offset.Ticks;
        return ticks < DateTimeOffset.MinValue.Ticks || ticks > DateTimeOffset.MaxValue.Ticks
            ? null
            : new ParsedTimestamp(new DateTimeOffset(ticks, TimeSpan.Zero), offset == TimeSpan.Zero);
    }

    private static string CutToMicroseconds(string local) => local[..Math.Min(local.Length, "yyyy-MM-ddTHH:mm:ss.ffffff".Length)];

    /// <summary>UTC with 0 to 6 fractional digits, no trailing zeros.</summary>
    public static string Format(DateTimeOffset instant) =>
        instant.CutToMicroseconds().UtcDateTime.ToString(Out, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<local>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?)(?<zone>Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])\z", RegexOptions.CultureInvariant)]
    private static partial Regex Rfc3339();

    /// <summary>Writes the instants in answers.</summary>
    internal sealed class Converter : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Parse(reader.GetString() ?? "")?.Instant ?? throw new JsonException();

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Format(value));
    }
}

/// <summary>A timestamp as it was read.</summary>
/// <param name="Instant">In UTC, whatever offset it was written with.</param>
/// <param name="IsUtc">Whether it was written with offset zero.</param>
internal readonly record struct ParsedTimestamp(DateTimeOffset Instant, bool IsUtc);
