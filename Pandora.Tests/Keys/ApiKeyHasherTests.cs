using System.Security.Cryptography;
using System.Text;
using Pandora.Core.Keys;
using Pandora.Tests.Security;

namespace Pandora.Tests.Keys;

public sealed class ApiKeyHasherTests
{
    private static readonly byte[] Pepper = Encoding.UTF8.GetBytes("a pepper of at least thirty-two bytes");

    [Theory]
    [InlineData("pdk_x")]
    [InlineData("é😀")]
    [InlineData("")]
    public void Without_a_pepper_the_hash_is_SHA_256_of_the_text(string text) =>
        Assert.Equal(SHA256.HashData(Encoding.UTF8.GetBytes(text)), Hasher(null).Hash(text));

    [Fact]
    public void With_a_pepper_the_hash_is_HMAC_SHA_256_of_the_text() =>
        Assert.Equal(HMACSHA256.HashData(Pepper, "pdk_x"u8), Hasher(Pepper).Hash("pdk_x"));

    [Fact]
    public void A_text_of_any_length_is_hashed_whole()
    {
        var text = new string('ü', 2_000_000);

        Assert.Equal(SHA256.HashData(Encoding.UTF8.GetBytes(text)), Hasher(null).Hash(text));
    }

    [Fact]
    public void The_mark_tells_peppers_apart_and_not_what_they_are()
    {
        var other = (byte[])[.. Pepper, 1];

        Assert.Equal(Hasher(Pepper).PepperMark, Hasher((byte[])[.. Pepper]).PepperMark);
        Assert.Equal(3, new[] { Hasher(null), Hasher(Pepper), Hasher(other) }.Select(hasher => hasher.PepperMark).Distinct().Count());
        Assert.DoesNotContain(Encoding.UTF8.GetString(Pepper), Hasher(Pepper).PepperMark, StringComparison.Ordinal);
    }

    private static ApiKeyHasher Hasher(byte[]? pepper) => new(SomeSettings.Make() with { ApiKeyPepper = pepper });
}
