using System.Text;
using System.Text.Json;
using Pandora.Core.Gate;
using Pandora.Core.Settings;
using Pandora.Tests.Gate;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Fuzz;

/// <summary>The texts of a check on their way into the log.</summary>
[Trait(Fuzzer.Category, Fuzzer.Fuzz)]
public sealed class MaskingFuzzTests
{
    private const int LargestText = 16_384;
    private const string HeaderSecret = "s3cr3t-0f-a-header";

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly string[] Names = [.. Secrets.Encodings.Keys];

    [Fact]
    public Task A_secret_in_any_encoding_within_any_text_is_masked_and_nothing_else_goes_wrong() =>
        new Fuzzer(
            ["/orders/KEY", "{\"key\":\"KEY\",\"n\":[1,2,{\"a\":null}]}", "a=KEY&b=%41%2B", "sid=KEY; theme=dark", "é😀KEY\u2028", "Basic KEY==", new string('x', 16_300) + "KEY"],
            ["pdk_", "pat_", "pst_", "eyJ", ".eyJ", "%", "%25", "%2", "\\", "\\u", "\\u005f", "\\x5", "&#", "&#x", "&amp;", "&", ";", "cGRrX", "wZGtf", "Bka1", "=", "😀", "\n", "KEY"])
        .RunOnTextsAsync((text, random) =>
        {
            var secret = Secrets.OfShape(random.Next(3) switch { 0 => "pdk_", 1 => "pat_", _ => "pst_" }, random);
            var at = random.Next(text.Length + 1);
            at += at > 0 && at < text.Length && char.IsLowSurrogate(text[at]) ? 1 : 0;
            var planted = text.Insert(at, Secrets.Encodings[Names[random.Next(Names.Length)]](secret));
            var presented = random.Next(3) switch { 0 => secret, 1 => planted, _ => text };
            var check = Of(presented.Length == 0 ? "x" : presented, planted);

            var texts = LoggedTexts.From(check, "...", MetadataLogging.Full);

            string[] kept = [texts.Path, texts.ServiceName, texts.Metadata.Body, texts.Metadata.Headers, texts.Metadata.BodyContentType, LoggedTexts.Detail(planted)];
            Assert.All(kept, stored =>
            {
                Assert.False(stored.Contains(secret, StringComparison.Ordinal), stored);
                Assert.InRange(StrictUtf8.GetByteCount(stored), 0, 4 * LargestText); // half a surrogate pair would throw
            });
            Assert.InRange(Encoding.UTF8.GetByteCount(texts.Metadata.Body), 0, LargestText);
            Assert.InRange(Encoding.UTF8.GetByteCount(texts.Metadata.Headers), 0, LargestText);
            Assert.Null(Secrets.FirstRead([secret], string.Join('\n', kept)));
        });

    [Fact]
    public Task A_credential_behind_any_other_headers_is_redacted_and_nothing_else_goes_wrong() =>
        new Fuzzer(
            [.. HeaderRedactionTests.Understood.Select(row => row.Headers)],
            ["Authorization", "Cookie", "X-Token", "name", "value", ":", ": ", "=", " ", "\t", "\r\n", "\n", "\u2028", "\ufeff", "{", "}", "[", "]", "\"", "'", ",", ";", "&", "> ", "%3A", "\\n", "\\u003a", "=>"])
        .RunOnTextsAsync((text, _) =>
        {
            string[] notations =
            [
                text,
                $"{text}\nAuthorization: {HeaderSecret}",
                $"{text}\r\n> Api-Key: {HeaderSecret}",
                JsonSerializer.Serialize(new Dictionary<string, string> { ["a"] = text, ["Authorization"] = HeaderSecret }),
                JsonSerializer.Serialize(new { raw = $"{text}\nX-Token={HeaderSecret}" }),
                JsonSerializer.Serialize(new[] { new { name = "a", value = text }, new { name = "Cookie", value = HeaderSecret } }),
            ];
            Assert.All(notations, notation =>
            {
                var stored = LoggedTexts.From(Of("x", notation), "...", MetadataLogging.Headers).Metadata.Headers;

                Assert.DoesNotContain(HeaderSecret, stored, StringComparison.Ordinal);
                Assert.InRange(Encoding.UTF8.GetByteCount(stored), 0, LargestText);
            });
        });

    private static Check Of(string presented, string text) => new(
        presented, text, "1", CheckKind.Validate, 1, null, TimeSpan.Zero, text, "GET", "", null, new CallMetadata(text, "", text, "", text));
}
