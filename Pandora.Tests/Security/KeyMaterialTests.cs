using Pandora.Core.Security;

namespace Pandora.Tests.Security;

public sealed class KeyMaterialTests
{
    private static readonly byte[] Hash = Enumerable.Range(0, 32).Select(i => (byte)i).ToArray();

    [Theory]
    [InlineData("pdk_00000000000000000000000000000000000000000003yhVP1")]
    [InlineData("an imported key: é😀")]
    public void What_was_sealed_opens_with_the_same_material_and_hash(string text)
    {
        var material = KeyMaterial.Make();

        Assert.Equal(text, material.Open(material.Seal(text, Hash), Hash));
    }

    [Fact]
    public void The_same_text_is_never_sealed_to_the_same_bytes()
    {
        var material = KeyMaterial.Make();

        Assert.NotEqual(material.Seal("text", Hash), material.Seal("text", Hash));
    }

    [Fact]
    public void No_bit_of_a_seal_can_be_changed()
    {
        var material = KeyMaterial.Make();
        var seal = material.Seal("text", Hash);

        for (var bit = 0; bit < seal.Length * 8; bit++)
        {
            var changed = (byte[])[.. seal];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Null(material.Open(changed, Hash));
        }
        for (var length = 0; length < seal.Length; length++)
        {
            Assert.Null(material.Open(seal.AsSpan(0, length), Hash));
        }
    }

    [Fact]
    public void A_seal_does_not_open_for_another_key_or_with_other_material()
    {
        var material = KeyMaterial.Make();
        var seal = material.Seal("text", Hash);

        Assert.Null(material.Open(seal, new byte[32]));
        Assert.Null(KeyMaterial.Make().Open(seal, Hash));
    }

    [Fact]
    public void Material_survives_as_a_line_of_text()
    {
        var material = KeyMaterial.Make();
        var copy = KeyMaterial.Import(material.Export())!;

        Assert.Equal(material.Id, copy.Id);
        Assert.Equal("text", copy.Open(material.Seal("text", Hash), Hash));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not base64!")]
    [InlineData("AAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public void Half_a_file_is_no_material(string text) => Assert.Null(KeyMaterial.Import(text));
}
