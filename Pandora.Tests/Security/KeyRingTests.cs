using System.Runtime.Versioning;
using Microsoft.Extensions.Logging.Abstractions;
using Pandora.Core.Security;

namespace Pandora.Tests.Security;

[UnsupportedOSPlatform("windows")]
public sealed class KeyRingTests : IDisposable
{
    private static readonly byte[] Hash = new byte[32];

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("pandora-key-ring-");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void A_material_file_is_for_its_owner_only_and_nothing_else_is_left_beside_it()
    {
        var id = Ring("a").UseAny();

        var directory = Path.Combine(_root.FullName, "a", "key-material");
        var file = Assert.Single(Directory.GetFileSystemEntries(directory));
        Assert.Equal(Path.Combine(directory, $"{id}.key"), file);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(directory));
    }

    [Fact]
    public void A_restarted_node_opens_what_it_sealed()
    {
        var before = Ring("a");
        var id = before.UseAny();
        var key = before.Seal("text", Hash);

        var after = Ring("a");
        Assert.True(after.TryUse(id));
        Assert.Equal("text", after.Open(key, Hash));
        Assert.Equal(id, after.Seal("text", Hash).MaterialId);
    }

    [Fact]
    public void A_node_without_the_material_writes_nothing_until_it_seals_a_key()
    {
        var key = SealedBy("a", out var id);

        var other = Ring("b");
        Assert.False(other.TryUse(id));
        Assert.Null(other.Open(key, Hash));
        Assert.False(Directory.Exists(Path.Combine(_root.FullName, "b")));

        var own = other.Seal("its own", Hash);
        Assert.NotEqual(id, own.MaterialId);
        Assert.Equal("its own", Ring("b").Open(own, Hash));
    }

    [Fact]
    public void Material_that_is_brought_while_a_node_runs_is_used_at_once()
    {
        var key = SealedBy("a", out var id);
        var other = Ring("b");
        Assert.Null(other.Open(key, Hash));
        other.Seal("makes the directory", Hash);

        File.Copy(Files("a").PathOf(id), Files("b").PathOf(id));

        Assert.Equal("text", other.Open(key, Hash));
    }

    [Fact]
    public void A_copy_that_others_may_read_is_narrowed()
    {
        var key = SealedBy("a", out var id);
        var path = Files("a").PathOf(id);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);

        Assert.Equal("text", Ring("a").Open(key, Hash));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    [Fact]
    public void A_damaged_or_renamed_file_is_not_used()
    {
        var key = SealedBy("a", out var id);
        var path = Files("a").PathOf(id);
        var renamed = Files("a").PathOf(new string('0', 32));
        File.Copy(path, renamed);
        File.WriteAllText(path, File.ReadAllText(path)[..20]);

        Assert.Null(Ring("a").Open(key, Hash));
        Assert.Null(Files("a").Find(new string('0', 32)));
        Assert.Empty(Files("a").All());
    }

    [Theory]
    [InlineData("../../../../etc/passwd")]
    [InlineData("")]
    public void A_stored_id_never_leads_out_of_the_directory(string id) =>
        Assert.Null(Ring("a").Open(new SealedKey(id, []), Hash));

    private SealedKey SealedBy(string node, out string id)
    {
        var ring = Ring(node);
        id = ring.UseAny();
        return ring.Seal("text", Hash);
    }

    private KeyRing Ring(string node) => new(Files(node), NullLogger<KeyRing>.Instance);

    private KeyMaterialFiles Files(string node) =>
        new(SomeSettings.Make(Path.Combine(_root.FullName, node)), NullLogger<KeyMaterialFiles>.Instance);
}
