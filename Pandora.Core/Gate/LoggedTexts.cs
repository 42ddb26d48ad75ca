using System.Text;
using Pandora.Core.Gate.Redaction;
using Pandora.Core.Keys;
using Pandora.Core.Settings;

namespace Pandora.Core.Gate;

/// <summary>
/// The texts of a check as the request log keeps them: without secrets, and cut to their limits. Made before the check
/// enters a batch, so that long texts cost their own caller and nobody else; and what they cost goes by the limit, not by
/// what was sent.
/// </summary>
internal sealed record LoggedTexts(string KeyMask, string ServiceName, string ServiceVersion, string Path, CallMetadata Metadata)
{
    /// <summary>Largest length of each metadata text and of an outcome's detail, in bytes of UTF-8.</summary>
    public const int MaxTextBytes = 16_384;

    private const int MaxServiceCharacters = 255;
    private const int MaxPathCharacters = 8_192;
    private const int MaxContentTypeCharacters = 255;
    private const string CutMark = "...[truncated]";

    /// <summary>Longer headers are looked at up to here; more cannot be kept.</summary>
    private const int MaxHeaderCharacters = 8 * MaxTextBytes;

    /// <summary>Of all of them, in characters.</summary>
    public int Length => KeyMask.Length + ServiceName.Length + ServiceVersion.Length + Path.Length + Metadata.Length;

    public static LoggedTexts From(Check check, string keyMask, MetadataLogging kept)
    {
        var masker = new KeyMasker(check.ApiKey);
        var given = check.Metadata;
        var metadata = kept == MetadataLogging.None || ReferenceEquals(given, CallMetadata.Empty)
            ? CallMetadata.Empty
            : new CallMetadata(
                kept == MetadataLogging.Full ? Text(masker, given.Body) : "",
                kept == MetadataLogging.Full ? Text(masker, given.Cookies) : "",
                Headers(masker, given.Headers),
                kept == MetadataLogging.Full ? Text(masker, given.QueryParams) : "",
                Name(masker, given.BodyContentType, MaxContentTypeCharacters));
        return new LoggedTexts(
            keyMask,
            Name(masker, check.ServiceName, MaxServiceCharacters),
            Name(masker, check.ServiceVersion, MaxServiceCharacters),
            Name(masker, check.Path, MaxPathCharacters),
            metadata);
    }

    /// <summary>A check whose method is fit for the log: it may be any word, a key too.</summary>
    public static Check MaskMethod(Check check) =>
        LoggedMethod.NumberOf(check.Method) == LoggedMethod.Other
            ? check with { Method = Name(new KeyMasker(check.ApiKey), check.Method, check.Method.Length) }
            : check;

    /// <summary>
    /// What is kept of an outcome's detail. The presented key is not known any more: keys of ours are found by their shape.
    /// </summary>
    public static string Detail(string text) => Text(new KeyMasker(), text);

    private static string Headers(KeyMasker masker, string text)
    {
        var seen = text.AsMemory(0, Math.Min(text.Length, MaxHeaderCharacters));
        var redacted = HeaderRedaction.Redact(seen);
        var isWhole = seen.Length == text.Length && redacted.Length <= MaxHeaderCharacters;
        return CutBytes(masker.Mask(redacted.Span, MaxTextBytes), text, isWhole);
    }

    private static string Text(KeyMasker masker, string text) =>
        CutBytes(masker.Mask(text, MaxTextBytes), text, KeyMasker.SeesAllOf(text, MaxTextBytes));

    private static string Name(KeyMasker masker, string text, int most) => CutCharacters(masker.Mask(text, 2 * most), text, most);

    /// <summary>At most <see cref="MaxTextBytes"/> of UTF-8; a longer text ends with a mark that it was cut.</summary>
    /// <param name="given">As it came, to be kept as it is if it can be.</param>
    /// <param name="isWhole">Whether <paramref name="text"/> shows it to its end.</param>
    private static string CutBytes(ReadOnlySpan<char> text, string given, bool isWhole)
    {
        if (isWhole && (text.Length <= MaxTextBytes / 3 || Encoding.UTF8.GetByteCount(text) <= MaxTextBytes))
        {
            return text.SequenceEqual(given) ? given : text.ToString();
        }
        var room = MaxTextBytes - CutMark.Length;
        var (length, bytes) = (0, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            if (bytes + rune.Utf8SequenceLength > room)
            {
                break;
            }
            bytes += rune.Utf8SequenceLength;
            length += rune.Utf16SequenceLength;
        }
        return string.Concat(text[..length], CutMark);
    }

    /// <summary>Characters are code points.</summary>
    private static string CutCharacters(ReadOnlySpan<char> text, string given, int most)
    {
        if (text.Length > most)
        {
            var (length, characters) = (0, 0);
            foreach (var rune in text.EnumerateRunes())
            {
                if (characters++ == most)
                {
                    break;
                }
                length += rune.Utf16SequenceLength;
            }
            text = text[..length];
        }
        return text.SequenceEqual(given) ? given : text.ToString();
    }
}
