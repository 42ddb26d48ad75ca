using Pandora.Core.Gate;
using Pandora.Core.Settings;
using Pandora.Tests.Harness;

namespace Pandora.Tests.Gate;

/// <summary>What it costs to keep the texts of a check.</summary>
public sealed class LoggedTextsTests
{
    private const int MaxMessage = 4_000_000;

    /// <summary>The object that holds the texts: a header of 16 bytes and five references.</summary>
    private const int SizeOfTexts = 56;

    [Theory]
    [InlineData("Authorization: Bearer a\r\n b\r\nX: y", "Authorization: [redacted]\r\n [redacted]\r\nX: y")]
    [InlineData("Authorization: Bearer a\n\tb\nX: y", "Authorization: [redacted]\n [redacted]\nX: y")]
    [InlineData("X: y\r\nCOOKIE: a\r\n b\r\n c", "X: y\r\nCOOKIE: [redacted]\r\n [redacted]\r\n [redacted]")]
    [InlineData("X: y\r\n z", "X: y\r\n z")]
    public void A_continued_credential_header_is_redacted_to_its_last_line(string headers, string kept) =>
        Assert.Equal(kept, LoggedTexts.From(Of("key", CallMetadata.Empty with { Headers = headers }), "...", MetadataLogging.Full).Metadata.Headers);

    [Fact]
    public void No_half_of_a_character_is_left_where_a_key_ends_within_one()
    {
        var presented = string.Concat(Enumerable.Repeat("\U0001F600", 40));
        var body = presented[..^2] + "\U0001F601 and more"; // the first halves of both are the same

        var kept = LoggedTexts.From(Of(presented, CallMetadata.Empty with { Body = body }), "...", MetadataLogging.Full).Metadata.Body;

        Assert.EndsWith("\uFFFD and more", kept, StringComparison.Ordinal);
        Assert.DoesNotContain(kept.EnumerateRunes(), rune => rune.Value is >= 0xD800 and <= 0xDFFF);
    }

    [Fact]
    public void A_check_without_metadata_costs_no_memory_but_the_object_that_holds_its_texts()
    {
        var check = Of(Secrets.OfShape("pdk_", new Random(4)), CallMetadata.Empty) with { Path = "/v1/customers/0190b7f0-5a1c-7d3e-9a4b-2f6c8e1d0a3b/orders/4711/lines" };
        LoggedTexts.From(check, "...", MetadataLogging.Full);

        var bytes = AllocatedBy(() => LoggedTexts.From(check, "...", MetadataLogging.Full));

        Assert.InRange(bytes, 0, SizeOfTexts);
    }

    [Theory]
    [InlineData("a", "a")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaa", "a")]
    [InlineData("pdk_", "pdk_")]
    [InlineData("\\\\\\\\\\", "\\")]
    [InlineData("x", "%25")]
    [InlineData("x", "%2525252525252525")]
    [InlineData("x", "token=&")]
    [InlineData("x", "Authorization:\n")]
    [InlineData("x", ".eyJ")]
    [InlineData("x", "cGRrX")]
    [InlineData("x", "[\"token\",")]
    [InlineData("x", "{\"a\":")]
    [InlineData("x", "&#95;")]
    public void A_text_far_over_its_limit_costs_by_the_limit_and_not_by_its_length(string presented, string filling)
    {
        var text = string.Concat(Enumerable.Repeat(filling, MaxMessage / filling.Length));
        var check = Of(presented, new CallMetadata(text, text, text, text, text)) with { Path = text, ServiceName = text, ServiceVersion = text };
        LoggedTexts.From(check, "...", MetadataLogging.Full);
        var start = System.Diagnostics.Stopwatch.GetTimestamp();

        var bytes = AllocatedBy(() => LoggedTexts.From(check, "...", MetadataLogging.Full));

        // Eight texts of 4 MB each: to copy one of them once would take more.
        Assert.InRange(bytes, 0, MaxMessage);
        Assert.InRange(System.Diagnostics.Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    private static Check Of(string presented, CallMetadata metadata) =>
        new(presented, "service", "1", CheckKind.Validate, 1, null, TimeSpan.Zero, "/", "GET", "192.0.2.7", null, metadata);

    private static long AllocatedBy(Func<object> action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        GC.KeepAlive(action());
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
