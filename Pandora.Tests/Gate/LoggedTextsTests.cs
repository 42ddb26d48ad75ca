using Pandora.Core.Gate;
using Pandora.Core.Settings;

namespace Pandora.Tests.Gate;

public sealed class LoggedTextsTests
{
    [Theory]
    [InlineData("Authorization: Bearer a\r\n b\r\nX: y", "Authorization: [redacted]\r\n [redacted]\r\nX: y")]
    [InlineData("Authorization: Bearer a\n\tb\nX: y", "Authorization: [redacted]\n [redacted]\nX: y")]
    [InlineData("X: y\r\nCOOKIE: a\r\n b\r\n c", "X: y\r\nCOOKIE: [redacted]\r\n [redacted]\r\n [redacted]")]
    [InlineData("X: y\r\n z", "X: y\r\n z")]
    public void A_continued_credential_header_is_redacted_to_its_last_line(string headers, string kept)
    {
        var check = new Check(
            "key",
            "service",
            "1",
            CheckKind.Validate,
            1,
            null,
            TimeSpan.Zero,
            "/",
            "GET",
            "192.0.2.7",
            null,
            CallMetadata.Empty with { Headers = headers });

        Assert.Equal(kept, LoggedTexts.From(check, "...", MetadataLogging.Full).Metadata.Headers);
    }
}
