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

    /// <summary>The instant, cut to microseconds. Null: the text is no RFC 3339 timestamp, or lies outside years 1 to 9999.</summary>
    public static ParsedTimestamp? Parse(string text)
    {
        if (Rfc3339().Match(text) is not { Success: true } match
            || !DateTime.TryParseExact(
                match.Groups["local"].Value, "yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out var local))
        {
            return null;
        }
        var offset = OffsetOf(match.Groups["zone"].Value);
        var ticks = local.Ticks + TicksOf(match.Groups["fraction"].Value) - offset.Ticks;
        return ticks < DateTimeOffset.MinValue.Ticks || ticks > DateTimeOffset.MaxValue.Ticks
            ? null
            : new ParsedTimestamp(new DateTimeOffset(ticks, TimeSpan.Zero), offset == TimeSpan.Zero);
    }

    // Not DateTimeOffset's own parser: it knows no offsets above 14 hours, and rounds the seventh digit.
    private static TimeSpan OffsetOf(string zone)
    {
        if (zone == "Z")
        {
            return TimeSpan.Zero;
        }
        var magnitude = new TimeSpan(Number(zone.AsSpan(1, 2)), Number(zone.AsSpan(4, 2)), 0);
        return zone[0] == '-' ? -magnitude : magnitude;
    }

    private static long TicksOf(string fraction) =>
        fraction.Length == 0 ? 0 : Number(fraction[..Math.Min(fraction.Length, 6)].PadRight(6, '0')) * TimeSpan.TicksPerMicrosecond;

    private static int Number(ReadOnlySpan<char> digits) => int.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>UTC with 0 to 6 fractional digits, no trailing zeros.</summary>
    public static string Format(DateTimeOffset instant) =>
        instant.CutToMicroseconds().UtcDateTime.ToString(Out, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<local>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.(?<fraction>[0-9]+))?(?<zone>Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])\z", RegexOptions.CultureInvariant)]
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
