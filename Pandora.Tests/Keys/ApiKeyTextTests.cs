using Pandora.Core.Keys;

namespace Pandora.Tests.Keys;

public sealed class ApiKeyTextTests
{
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    [Theory]
    [InlineData('0', "3yhVP1")]
    [InlineData('z', "3PS9qc")]
    public void The_checksum_is_that_of_the_contract(char filling, string checksum)
    {
        var text = "pdk_" + new string(filling, 43);

        Assert.True(ApiKeyText.MayExist(text + checksum));
        Assert.False(ApiKeyText.MayExist(text + "000000"));
    }

    [Fact]
    public void A_new_key_has_the_shape_of_a_key_and_may_exist()
    {
        for (var i = 0; i < 1000; i++)
        {
            var key = ApiKeyText.Make();

            Assert.Matches("^pdk_[0-9A-Za-z]{49}$", key);
            Assert.True(ApiKeyText.MayExist(key));
        }
    }

    [Fact]
    public void New_keys_draw_every_character_at_every_place_about_equally_often()
    {
        const int Keys = 6_200;
        var counts = new Dictionary<(int Place, char Character), int>();
        for (var i = 0; i < Keys; i++)
        {
            var key = ApiKeyText.Make();
            for (var place = 4; place < 47; place++)
            {
                counts[(place, key[place])] = counts.GetValueOrDefault((place, key[place])) + 1;
            }
        }

        // 100 expected each, standard deviation 10: seven of them off is no chance.
        Assert.Equal(43 * Alphabet.Length, counts.Count);
        Assert.All(counts.Values, count => Assert.InRange(count, 30, 170));
    }

    [Fact]
    public void A_key_with_one_wrong_character_cannot_exist()
    {
        var key = ApiKeyText.Make();

        for (var place = 4; place < key.Length; place++)
        {
            var next = Alphabet[(Alphabet.IndexOf(key[place], StringComparison.Ordinal) + 1) % Alphabet.Length];
            Assert.False(ApiKeyText.MayExist(key[..place] + next + key[(place + 1)..]));
            Assert.False(ApiKeyText.MayExist(key[..place] + '-' + key[(place + 1)..]));
        }
        Assert.False(ApiKeyText.MayExist(key[..^1]));
        Assert.False(ApiKeyText.MayExist(key + "0"));
        Assert.False(ApiKeyText.MayExist("pdk_"));
        Assert.False(ApiKeyText.MayExist("pdk_" + new string('é', 49)));
    }

    [Theory]
    [InlineData("an imported key of another shape")]
    [InlineData("PDK_not_ours")]
    [InlineData("x")]
    public void A_text_of_any_other_shape_may_exist(string text) => Assert.True(ApiKeyText.MayExist(text));

    [Theory]
    [InlineData("pdk_00000000000000000000000000000000000000000003yhVP1", "pdk_...hVP1")]
    [InlineData("0123456789abcdef", "0123...cdef")]
    [InlineData("0123456789abcde", "...")]
    [InlineData("", "...")]
    [InlineData("😀😀😀😀😀😀😀😀", "...")]
    [InlineData("😀bc😀5678901234😀c", "😀bc😀...34😀c")]
    public void A_mask_shows_four_characters_of_each_end_of_a_long_text_only(string text, string mask) =>
        Assert.Equal(mask, ApiKeyText.Mask(text));
}
